import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fieldOf } from './errors/thrown.js';
import { join } from 'node:path';

/** In the error of each way to look for a package that is not installed. */
const MISSING = new Set<unknown>(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']);

/** Jest without `--experimental-vm-modules` refuses every `import()`, with one of these. */
const NO_IMPORT = new Set<unknown>([
  'ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING_FLAG',
  'ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING',
]);

/**
 * Loads a package that need not be installed. In Jest without `--experimental-vm-modules`, which cannot load ECMAScript modules, packages
 * that are nothing else count as not installed.
 * @param load such as `() => import('werift')`
 * @returns `undefined` where it is not installed
 */
export async function optionalPackage<T>(
  name: string,
  load: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if (MISSING.has(fieldOf(error, 'code'))) return undefined;
    if (NO_IMPORT.has(fieldOf(error, 'code'))) return requirePackage(name) as T | undefined;
    throw error;
  }
}

/**
 * The same for those who cannot do without it.
 * @param neededBy what needs it
 * @throws {Error} where it is not installed, with the line that installs it
 */
export async function neededPackage<T>(
  name: string,
  neededBy: string,
  load: () => Promise<T>,
): Promise<T> {
  const loaded = await optionalPackage(name, load);
  if (loaded === undefined) throw new Error(`${neededBy} needs ${name}: npm install ${name}`);
  return loaded;
}

function requirePackage(name: string): unknown {
  try {
    return createRequire(import.meta.url)(name);
  } catch {
    return undefined;
  }
}

/** Returns a package as the application has loaded it by `require()`, where that is another copy than the one of `import()`; `undefined` where it has not. */
export function requiredPackage(name: string): unknown {
  const from = createRequire(import.meta.url);
  try {
    return from.cache[from.resolve(name)]?.exports;
  } catch {
    return undefined;
  }
}

/**
 * Finds a file of this package, from wherever its code is loaded: the sources, `dist`, `dist/cjs`, or a host's bundle.
 * @param path from the package's root
 * @returns its absolute path
 * @throws {Error} in a bundle without `node_modules` beside it
 */
export function packageFile(path: string): string {
  try {
    const manifest = createRequire(import.meta.url).resolve('nestjs-pipecat-runner/package.json');
    return join(manifest, '..', path);
  } catch (cause) {
    throw new Error(
      `${path} of nestjs-pipecat-runner is not found: the package must be installed where the application runs, also beside a bundle.`,
      { cause },
    );
  }
}

/** Returns the version of this package; `unknown` in a bundle without it. */
export function versionOrUnknown(): string {
  try {
    return ownVersion();
  } catch {
    return 'unknown';
  }
}

/** Returns the version of this package. @throws {Error} as {@link packageFile} */
export function ownVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'));
  return String(fieldOf(manifest, 'version'));
}
