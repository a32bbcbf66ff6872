// Writes docs/options.md: a table for each class or interface of options, from its doc comments and initialisers. `npm run docs:options`; with
// `--check` it only says whether the page is current.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';

const PAGE = 'docs/options.md';
/** Types whose fields are options of the host's; the resolved ones are the runner's own. */
const OPTIONS = /^(?!Resolved).*(Options|Limits|Extras)$/;

/** The page as it should be, from the sources in the current folder. */
async function optionsPage() {
  const types = sources().flatMap((path) => {
    const source = ts.createSourceFile(
      path,
      readFileSync(path, 'utf8'),
      ts.ScriptTarget.Latest,
      true,
    );
    return source.statements.filter(
      (one) =>
        (ts.isInterfaceDeclaration(one) || ts.isClassDeclaration(one)) &&
        OPTIONS.test(one.name.text),
    );
  });
  const sections = types
    .sort((a, b) => (a.name.text < b.name.text ? -1 : 1))
    .map((one) => [`## ${one.name.text}`, textOf(one), table(one)].join('\n\n'));
  const head = `# Options

Every option that modules and classes take, by the names of their types. \`forRootAsync\` takes those of types named \`…Extras\` beside
the factory, and all others from it. Written by \`npm run docs:options\` from the comments in the sources.

\`\`\`ts
import { RunnerModule, WebSocketModule } from 'nestjs-pipecat-runner';

export const runner = RunnerModule.forRoot({
  path: 'voice',
  maxSessions: 50,
  transports: [WebSocketModule.forRoot({ pingIntervalMs: 20_000 })],
});
\`\`\``;
  const config = await resolveConfig(PAGE);
  return format(`${[head, ...sections].join('\n\n')}\n`, { ...config, filepath: PAGE });
}

/** Files named `<thing>.options.ts`, and the modules whose extras are options, too. */
function sources() {
  return readdirSync('src', { recursive: true })
    .filter((path) => /(\.options|\.module-definition|\.module)\.ts$/.test(path))
    .map((path) => join('src', path));
}

function table({ members }) {
  const fields = members.filter(
    (one) => ts.isPropertySignature(one) || ts.isPropertyDeclaration(one),
  );
  const rows = fields.map((member) => {
    const cells = [
      `\`${member.name.text}\``,
      `\`${member.type.getText().replace(/\s+/g, ' ')}\``,
      member.questionToken ? code(defaultOf(member)) : 'needed',
      textOf(member),
    ];
    return `| ${cells.map((cell) => cell.replace(/\|/g, '\\|')).join(' | ')} |`;
  });
  return ['| option | type | default | |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** The default that the comment states, for readers of the declarations; it must begin with the initialiser. */
function defaultOf(member) {
  const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'default');
  const stated = plain(ts.getTextOfJSDocComment(tag?.comment));
  const value = member.initializer?.getText();
  if (value === undefined || value.startsWith('new ') || isSaid(stated, value)) return stated;
  throw new Error(
    `${member.getSourceFile().fileName}: @default of ${member.name.text} must be ${value}, not ${stated || 'missing'}`,
  );
}

const isSaid = (text, value) => text.startsWith(value) && !/^\w/.test(text.slice(value.length));

/** A value stands out; what else is said of it does not. */
const code = (text) =>
  text.replace(/^('[^']*'|[\d_]+|Infinity|true|false|\[\]|\{\})(?=$|[ :])/, '`$1`');

const textOf = (node) =>
  plain(
    ts
      .getJSDocCommentsAndTags(node)
      .map((one) => (ts.isJSDoc(one) ? ts.getTextOfJSDocComment(one.comment) : ''))
      .join(' '),
  );

const plain = (text = '') =>
  text
    .replace(/\{@link (?:\w+\.)?(\w+)\}/g, '`$1`')
    .replace(/\s+/g, ' ')
    .trim();

const page = await optionsPage();
if (!process.argv.includes('--check')) writeFileSync(PAGE, page);
else if (readFileSync(PAGE, 'utf8') !== page) throw new Error(`${PAGE}: npm run docs:options`);
