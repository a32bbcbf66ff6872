import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, { import?: { default: string }; require?: { default: string } }>;
};
const ENTRIES = Object.entries(exports).flatMap(([name, { import: esm, require: commonJs }]) =>
  esm && commonJs
    ? [
        [name, 'import', `await import('${pathToFileURL(resolve(esm.default)).href}')`],
        [name, 'require', `require('${resolve(commonJs.default)}')`],
      ]
    : [],
);

describe('the entries of the package', () => {
  it.each(ENTRIES)('%s can be the first that a process loads by %s', (_name, _way, load) => {
    const program = `(async () => console.log(Object.keys(${load}).length))()`;
    const count = execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' });
    expect(Number(count)).toBeGreaterThanOrEqual(3);
  });
});
