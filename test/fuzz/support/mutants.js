import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { busy } from './busy.js';
import { Fuzzer } from './fuzzer.js';

const MUTANTS = fileURLToPath(new URL('../mutants', import.meta.url));
/** Within this time each has to be found, in seconds of a machine that has nothing else to do. */
const SECONDS = 60;

/**
 * Puts each known fault into a copy of the build, and fuzzes the target that should find it. The first line of a patch is `Target: <name>`.
 * @returns true when all are found
 */
export async function runMutants(targets, { seed, only }) {
  let missed = 0;
  for (const file of readdirSync(MUTANTS).sort()) {
    const patch = join(MUTANTS, file);
    const [, name] = /^Target: (\S+)$/m.exec(readFileSync(patch, 'utf8')) ?? [];
    const target = targets.find((one) => one.name === name);
    if (!target || (only && !file.includes(only))) continue;
    console.log(`  ${basename(file, '.patch')} …`);
    const mutant = buildMutant(patch);
    try {
      const startedMs = performance.now();
      const fuzzer = new Fuzzer(target, {
        seed,
        dist: mutant.dist,
        coverage: false,
        shrink: false,
      });
      await fuzzer.run(SECONDS * busy(), { untilFound: true });
      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
      const isFound = fuzzer.findings.length > 0;
      if (!isFound) missed++;
      console.log(
        `${isFound ? '✓ found' : '✗ missed'}: ${basename(file, '.patch')} (${name}, ${seconds} s, ${fuzzer.iterations} inputs)`,
      );
    } finally {
      mutant.remove();
    }
  }
  return missed === 0;
}

/** A copy of the build with a patch of `src/`, whose files alone are compiled. */
export function buildMutant(patch) {
  const root = mkdtempSync(join(tmpdir(), 'fuzz-mutant-'));
  const remove = () => rmSync(root, { recursive: true, force: true });
  try {
    cpSync('dist', join(root, 'dist'), { recursive: true });
    for (const link of ['node_modules', 'package.json'])
      symlinkSync(resolve(link), join(root, link));
    const files = [...readFileSync(patch, 'utf8').matchAll(/^\+\+\+ b\/(src\/\S+\.ts)/gm)].map(
      ([, file]) => file,
    );
    for (const file of files) {
      mkdirSync(join(root, dirname(file)), { recursive: true });
      cpSync(file, join(root, file));
    }
    execFileSync('git', ['apply', `--directory=`, patch], { cwd: root, stdio: 'pipe' });
    const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, '.');
    for (const file of files) {
      const source = readFileSync(join(root, file), 'utf8');
      const { outputText } = ts.transpileModule(source, {
        fileName: resolve(file),
        compilerOptions: { ...options, module: ts.ModuleKind.ESNext },
      });
      writeFileSync(join(root, file.replace('src/', 'dist/').replace(/\.ts$/, '.js')), outputText);
    }
    return { dist: join(root, 'dist'), remove };
  } catch (error) {
    remove();
    throw error;
  }
}
