// Writes docs/api/*.api.md: what each entry of the built package exports, as declared. With --check it fails where that has changed.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import ts from 'typescript';

const { exports } = JSON.parse(await readFile('package.json', 'utf8'));
const entries = Object.entries(exports).filter(([, target]) => target.import);
const files = entries.map(([, target]) => resolve(target.import.types));
const program = ts.createProgram(files, {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  types: ['node'],
});
const checker = program.getTypeChecker();
const original = (symbol) =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

/** The exports of each entry: their names, and the symbols behind them. */
const exported = files.map((file) =>
  checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)))
    .map((symbol) => ({ name: symbol.name, symbol: original(symbol) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1)),
);
const isExported = new Set(exported.flat().map(({ symbol }) => symbol));

/** Our types that a declaration mentions and no entry exports. */
function unnamed(node, found = new Set()) {
  const isPrivate = ts.canHaveModifiers(node) && isMarkedPrivate(node);
  if (isPrivate) return found;
  const name = ts.isTypeReferenceNode(node)
    ? node.typeName
    : ts.isExpressionWithTypeArguments(node)
      ? node.expression
      : undefined;
  const symbol = name && checker.getSymbolAtLocation(name);
  const target = symbol && original(symbol);
  const [declaration] = target?.declarations ?? [];
  if (
    declaration &&
    declaration.getSourceFile().fileName.startsWith(resolve('dist')) &&
    !ts.isTypeParameterDeclaration(declaration) &&
    !isExported.has(target)
  ) {
    found.add(target.name);
  }
  node.forEachChild((child) => void unnamed(child, found));
  return found;
}

const isMarkedPrivate = (node) =>
  ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) ?? false;

const declarationOf = (declaration) =>
  (ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration)
    .getText()
    .replace(/\/\*\*[^]*?\*\//g, '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s*private /.test(line))
    .join('\n');

const checking = process.argv.includes('--check');
const changed = [];
await mkdir('docs/api', { recursive: true });
for (const [i, [entry]] of entries.entries()) {
  const path = `nestjs-pipecat-runner${entry.slice(1)}`;
  const mentioned = new Set();
  const parts = exported[i].map(({ name, symbol }) => {
    const declarations = symbol.declarations ?? [];
    for (const one of declarations) unnamed(one, mentioned);
    const [first] = exported.flatMap((of, at) =>
      of.some((one) => one.symbol === symbol) ? at : [],
    );
    // Printed once: by the first entry that has it.
    return first < i
      ? `// ${name}: as in ${entries[first][0]}`
      : declarations.map((one) => declarationOf(one)).join('\n');
  });
  const report = [
    `# ${path}`,
    `${parts.length} exports. Written by \`npm run api:report\`.`,
    `Types that they mention without a name of their own: ${[...mentioned].sort().join(', ') || 'none'}.`,
    `\`\`\`ts\n${parts.join('\n\n')}\n\`\`\``,
  ].join('\n\n');
  const file = `docs/api/${entry === '.' ? 'index' : entry.slice(2)}.api.md`;
  if (checking) {
    const known = await readFile(file, 'utf8').catch(() => '');
    if (known !== `${report}\n`) changed.push(file);
  } else await writeFile(file, `${report}\n`);
}
if (changed.length > 0) {
  console.error(
    `The exports have changed: ${changed.join(', ')}. If that is meant: npm run api:report`,
  );
  process.exit(1);
}
