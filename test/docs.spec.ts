import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

/** The largest README, in bytes: it is the entrance, and each subject has a page. */
const MAX_README_BYTES = 12 * 1_024;

/** Every page; reports that a tool writes (`*.api.md`) are none. */
const PAGES = [
  ...readdirSync('.'),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((file) => join('docs', file)),
].filter((file) => /\.md$|^llms\.txt$/.test(file) && !file.endsWith('.api.md'));
const TEXTS = new Map(PAGES.map((page) => [page, readFileSync(page, 'utf8')] as const));

/** Pages of the examples that are whole applications. */
const EXAMPLES = readdirSync('examples')
  .map((name) => join('examples', name, 'README.md'))
  .filter((page) => existsSync(page));

/** Packages that a page installs. */
const installedBy = (text: string): string[] =>
  [...text.matchAll(/^npm install (.*)$/gm)].flatMap(([, names]) => names!.split(' '));

/** Code is no prose: it has brackets and hashes of its own. */
const withoutCode = (text: string): string =>
  text
    .replace(/^( *)```.*?^\1```$/gms, '')
    .replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, ' '));

/** The links to files of the repository, as [target, anchor]. */
function linksOf(page: string): (readonly [target: string, anchor: string | undefined])[] {
  const text = withoutCode(TEXTS.get(page)!);
  const urls = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...text.matchAll(/^\[[^\]]+\]: (\S+)$/gm)];
  return urls
    .map(([, url]) => url!)
    .filter((url) => !/^[a-z][a-z0-9+.-]*:/i.test(url))
    .map((url) => {
      const [path = '', anchor] = url.split('#');
      return [path === '' ? page : normalize(join(dirname(page), path)), anchor] as const;
    });
}

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  const text = TEXTS.get(page)!.replace(/^( *)```.*?^\1```$/gms, '');
  for (const [, heading] of text.matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** The codes of the type `RunnerErrorCode`, as the source lists them. */
function errorCodes(): string[] {
  const source = readFileSync('src/errors/runner.error.ts', 'utf8');
  const [, list = ''] = /STATUS_OF_CODE = \{(.*?)\}/s.exec(source)!;
  return [...list.matchAll(/^ +([A-Z_]+): \d{3},$/gm)].map(([, code]) => code!);
}

/** The messages in italics of the tables of a page, each as the parts between its variables. */
const messagesOf = (page: string): string[][] =>
  [...TEXTS.get(page)!.matchAll(/^\| (_.*?_) +\|/gm)].flatMap(([, cell]) =>
    cell!.split('_, _').map((message) =>
      message
        .replace(/^_|_$/g, '')
        .split('…')
        .map((part) => part.trim())
        .filter((part) => part.length > 2),
    ),
  );

/** The source as it prints: texts that are put together of several are one. */
const SOURCE = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
  .map((file) => readFileSync(join('src', file), 'utf8').replace(/['`] \+\s+['`"]/g, ''))
  .join('\n');

/** True when the package has a file. */
function isPacked(file: string): boolean {
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
  return files.some((one) => file === one || file.startsWith(`${one}/`));
}

describe('the documentation', () => {
  it.each(PAGES)('%s begins with a heading, and has no other of the first level', (page) => {
    const text = TEXTS.get(page)!.replace(/^( *)```.*?^\1```$/gms, '');
    expect(text).toMatch(/^# \S/);
    expect(text.match(/^# /gm)).toHaveLength(1);
  });

  it.each(PAGES)('%s has links to files and headings that exist', (page) => {
    const broken = linksOf(page).filter(
      ([target, anchor]) =>
        !existsSync(target) ||
        (anchor !== undefined && !(TEXTS.has(target) && anchorsOf(target).has(anchor))),
    );
    expect(broken).toEqual([]);
  });

  it.each(PAGES.filter(isPacked))('%s has links that work in the package, too', (page) => {
    expect(linksOf(page).filter(([target]) => !isPacked(target))).toEqual([]);
  });

  it.each(PAGES)('%s has TypeScript that parses', (page) => {
    const blocks = [...TEXTS.get(page)!.matchAll(/^( *)```ts\n(.*?)^\1```$/gms)];
    const problems = blocks.flatMap(([, , code]) => problemsOf(code!));
    expect(problems).toEqual([]);
  });

  it('is reached from README.md, every page of it', () => {
    const reached = new Set(['README.md']);
    for (const page of reached) {
      for (const [target] of linksOf(page)) if (TEXTS.has(target)) reached.add(target);
    }
    expect(PAGES.filter((page) => !reached.has(page))).toEqual([]);
  });

  it('has an entrance that is short', () => {
    expect(Buffer.byteLength(TEXTS.get('README.md')!)).toBeLessThanOrEqual(MAX_README_BYTES);
  });

  it('has a row for every error code', () => {
    const rows = TEXTS.get('docs/errors-and-troubleshooting.md')!.match(/^\| `[A-Z_]+` /gm)!;
    const listed = rows.map((row) => row.slice(3, -2));
    expect(errorCodes().length).toBeGreaterThan(20);
    // Of guards of the application, whose errors are not the runner's.
    expect(listed.sort()).toEqual([...errorCodes(), 'RATE_LIMITED'].sort());
  });

  it.each(EXAMPLES)('%s has lines that install what its code imports', (page) => {
    const files = readdirSync(dirname(page)).filter((file) => file.endsWith('.ts'));
    const code = files.map((file) => readFileSync(join(dirname(page), file), 'utf8')).join('\n');
    const imported = [...code.matchAll(/ from '((?:@[^/']+\/)?[^./'@][^/']*)/g)].map(
      ([, name]) => name,
    );
    // What Nest takes where it is given no adapter.
    if (code.includes('NestFactory.create(AppModule)')) imported.push('@nestjs/platform-express');
    const installed = installedBy(readFileSync(page, 'utf8')).map((one) =>
      one.replace(/(?<=.)@.*/, ''),
    );
    expect(imported.filter((name) => !installed.includes(name!))).toEqual([]);
  });

  it("installs the version of LiveKit's SDK that its agents need", () => {
    const lines = [...TEXTS.values(), ...EXAMPLES.map((page) => readFileSync(page, 'utf8'))]
      .flatMap((text) => text.match(/npm install [^`\n]*/g) ?? [])
      .filter((line) => line.includes('@livekit/agents '));
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.filter((line) => !line.includes('@livekit/rtc-node@0.13'))).toEqual([]);
  });

  it('quotes messages as the source has them', () => {
    const messages = messagesOf('docs/errors-and-troubleshooting.md');
    expect(messages.length).toBeGreaterThan(40);
    expect(messages.flat().filter((part) => !SOURCE.includes(part))).toEqual([]);
  });
});

/** Returns what the parser says of a block, which is a file, or the members of a class. */
function problemsOf(code: string): string[] {
  const [asFile, asClass] = [code, `class Host {\n${code}\n}`].map(parse);
  return asFile!.length === 0 || asClass!.length === 0 ? [] : asFile!;
}

function parse(code: string): string[] {
  const { diagnostics = [] } = ts.transpileModule(code, {
    reportDiagnostics: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      experimentalDecorators: true,
    },
  });
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
