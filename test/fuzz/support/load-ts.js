import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** Loads a module of TypeScript that imports nothing. @param path from the root of the repository */
export async function loadTs(path) {
  const { outputText } = ts.transpileModule(readFileSync(path, 'utf8'), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputText).toString('base64')}`);
}
