// Writes dist/cjs: the package's entries and their imports as CommonJS, for Jest and bundlers without ECMAScript modules.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { transform } from '@swc/core';

const DIST = 'dist';
const CJS = join(DIST, 'cjs');
const { exports } = JSON.parse(await readFile('package.json', 'utf8'));
const entries = Object.values(exports).flatMap((entry) => entry.import ?? []);

await rm(CJS, { recursive: true, force: true });
await convert(
  entries.map((entry) => entry.default),
  toCommonJs,
  /\brequire\("(\.[^"]+)"\)/g,
);
await convert(
  entries.map((entry) => entry.types),
  (code) => code,
  /(?:from |import |import\(|declare module )["'](\.[^"']+)["']/g,
);
await writeFile(join(CJS, 'package.json'), '{ "type": "commonjs" }\n');

/** Converts files and their imports. @param imports matches imports in the converted code */
async function convert(files, into, imports) {
  const isDeclaration = files[0].endsWith('.d.ts');
  const found = new Set(files.map((file) => file.replace(/^\.\//, '')));
  // The loop includes files that are added to the set meanwhile.
  for (const file of found) {
    const code = await into(await readFile(file, 'utf8'), file);
    for (const [, path] of code.matchAll(imports)) {
      const target = join(dirname(file), path);
      found.add(isDeclaration ? target.replace(/\.js$/, '.d.ts') : target);
    }
    const output = join(CJS, file.slice(`${DIST}/`.length));
    await mkdir(dirname(output), { recursive: true });
    await writeFile(output, code);
  }
}

async function toCommonJs(source, filename) {
  const { code } = await transform(source, {
    filename,
    configFile: false,
    swcrc: false,
    jsc: { target: 'es2022', parser: { syntax: 'ecmascript' } },
    // `import()` is kept, because some packages have no CommonJS build.
    module: { type: 'commonjs', ignoreDynamic: true },
  });
  // Fails on `import.meta` and top-level await.
  new Script(code, { filename });
  return code;
}
