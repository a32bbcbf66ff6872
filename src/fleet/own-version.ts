import { readFileSync } from 'node:fs';
import { packageFile } from '../packages.js';
import { isObject } from '../validation/is-object.js';

/** Returns the version of this package; `unknown` in a bundle without it. */
export function ownVersion(): string {
  try {
    const manifest: unknown = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'));
    if (isObject(manifest) && typeof manifest.version === 'string') return manifest.version;
  } catch {
    // In a bundle.
  }
  return 'unknown';
}
