import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { type BlockContext, CONTEXTS, ENVIRONMENT, INLINE } from './contexts.js';

/** The names that blocks which are no complete file have without an import. */
const NAMES = {
  'nestjs-pipecat-runner': exportedNames('dist/index.d.ts'),
  '@nestjs/common':
    'Body CanActivate DynamicModule ExecutionContext Get HttpCode Injectable Module Post'.split(
      ' ',
    ),
  '@nestjs/core': ['APP_GUARD'],
  '@nestjs/throttler': ['ThrottlerGuard', 'ThrottlerModule'],
};
const DOCUMENTS = [
  ...readdirSync('.'),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((file) => join('docs', file)),
].filter((file) => /\.md$|^llms\.txt$/.test(file) && !file.endsWith('.api.md'));
const texts = DOCUMENTS.map((file) => readFileSync(file, 'utf8'));
const blocks = texts.flatMap((text) =>
  [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!),
);
/** Modules in the middle of a sentence, as far as they are complete. */
const inline = texts.flatMap((text) =>
  [...text.matchAll(/`(\w+Module\.forRoot\([^`…]*\))`/g)].flatMap(([, code]) =>
    code === 'RunnerModule.forRoot(options)' || code === 'RunnerModule.forRoot({ name, path })'
      ? []
      : code!,
  ),
);

let app: string;
beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), 'readme-'));
  mkdirSync(join(app, 'node_modules'));
  for (const name of readdirSync('node_modules')) {
    symlinkSync(resolve('node_modules', name), join(app, 'node_modules', name));
  }
  symlinkSync(resolve(), join(app, 'node_modules', 'nestjs-pipecat-runner'));
  writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
  for (const context of CONTEXTS) {
    const code = blocks.find((block) => block.includes(context.has));
    if (code) writeFileSync(join(app, `${context.name}.ts`), inContext(code, context));
  }
  const whole = CONTEXTS.filter(({ before }) => before?.endsWith('export default '));
  const before = `${INLINE} ${whole.map(({ name }, n) => `import module${n} from './${name}.js';`).join(' ')}`;
  const modules = [
    ...whole.map(({ has }, n) => `${JSON.stringify(has)}: module${n}`),
    ...inline.map((code) => `${JSON.stringify(code)}: ${code}`),
  ].join(',\n');
  const code = `export const MODULES: Record<string, DynamicModule> = {\n${modules}\n};`;
  writeFileSync(join(app, 'modules.ts'), inContext(code, { before }));
  // Such as the documentation's files and folders are.
  writeFileSync(join(app, 'bot.py'), '');
  mkdirSync(join(app, 'recordings'));
  writeFileSync(join(app, 'start.js'), readFileSync('test/readme/start.js'));
});
afterAll(() => rmSync(app, { recursive: true }));

describe('the code in README.md and docs/', () => {
  it('has a context for each of its blocks', () => {
    const unknown = blocks.filter((block) => !CONTEXTS.some(({ has }) => block.includes(has)));
    expect(unknown).toEqual([]);
    const found = CONTEXTS.map(({ has }) => blocks.filter((block) => block.includes(has)).length);
    expect(found).toEqual(CONTEXTS.map(() => 1));
  });

  it('compiles strictly against the declarations of the package', () => {
    expect(compile(app)).toEqual([]);
  });

  it('runs: its bots talk, its tests pass, its modules start', async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['start.js'], {
      cwd: app,
      env: { ...process.env, ...ENVIRONMENT },
    });
    expect(stderr).toBe('');
    expect(/ pass (\d+)$/m.exec(stdout)?.[1]).toBe(String(inline.length + 18));
  });
});

function exportedNames(declarations: string): string[] {
  const lists = readFileSync(declarations, 'utf8').matchAll(/^export (?:type )?{([^}]*)}/gm);
  return [...lists].flatMap(([, names]) => names!.match(/\w+(?=\s*(,|$))/g) ?? []);
}

function inContext(code: string, { before = '', after = '' }: Partial<BlockContext>): string {
  const whole = before + code + after;
  const declared = (name: string) => new RegExp(`(class|import [^;]*) ${name}\\b`).test(whole);
  const used = (name: string) =>
    new RegExp(`(?<![.\\w'])${name}\\b(?!\\.)`).test(whole) || whole.includes(`${name}.forRoot`);
  const imports = Object.entries(NAMES).map(
    ([from, names]) =>
      `import { ${names.filter((name) => used(name) && !declared(name)).join(', ')} } from '${from}';`,
  );
  return `${imports.join(' ')} ${whole}`;
}

/** @returns what the compiler has to say */
function compile(folder: string): string[] {
  const program = ts.createProgram(
    ['modules', ...CONTEXTS.map(({ name }) => name)].map((name) => join(folder, `${name}.ts`)),
    {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts'],
      types: ['node'],
      typeRoots: [resolve('node_modules/@types')],
      strict: true,
      skipLibCheck: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    },
  );
  const { diagnostics } = program.emit();
  return [...ts.getPreEmitDiagnostics(program), ...diagnostics].map(
    ({ file, start, messageText }) => {
      const line = file && file.getLineAndCharacterOfPosition(start!).line + 1;
      return `${file?.fileName}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    },
  );
}
