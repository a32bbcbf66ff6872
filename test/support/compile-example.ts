import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2022,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  useDefineForClassFields: false,
};

/**
 * Compiles an example that is a folder, for engines that cannot live in Jest's module registry.
 * @returns its `main.js`, within this package, whose build it imports by name
 */
export function compileExample(name: string): string {
  const from = join('examples', name);
  const to = join('.scratch', from);
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from).filter((one) => one.endsWith('.ts'))) {
    const source = readFileSync(join(from, file), 'utf8');
    const { outputText } = ts.transpileModule(source, { compilerOptions: OPTIONS, fileName: file });
    writeFileSync(join(to, file.replace(/\.ts$/, '.js')), outputText);
  }
  return join(to, 'main.js');
}
