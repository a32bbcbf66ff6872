import { createRequire } from 'node:module';
import { join } from 'node:path';

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
