// Installs Vonage's native library for Python bots, once per machine: `node test/support/build-vonage-connector.js`.
import { execFileSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PIPECAT_PYTHON, TEST_CACHE } from './build-pipecat.js';

// The version that Pipecat's extra `vonage-video-connector` asks for. It has wheels for few machines, so it is not part of that environment.
const VERSION = '1.0.3';

/** Folder of the package, for PYTHONPATH. */
export const VONAGE_CONNECTOR = join(TEST_CACHE, `vonage-video-connector-${VERSION}`);

/** Installs it unless it is there, and sees that it loads. @returns why that was not possible, if it was not */
export function buildVonageConnector() {
  if (existsSync(VONAGE_CONNECTOR)) return undefined;
  const building = `${VONAGE_CONNECTOR}.building`;
  const python = (args, env = {}) =>
    execFileSync(PIPECAT_PYTHON, args, {
      stdio: 'pipe',
      timeout: 300_000,
      env: { ...process.env, ...env },
    });
  try {
    rmSync(building, { recursive: true, force: true });
    // Its dependencies are those of Pipecat.
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
    python([...install, '--target', building, `vonage-video-connector==${VERSION}`]);
    python(['-c', 'import vonage_video_connector'], { PYTHONPATH: building });
    renameSync(building, VONAGE_CONNECTOR);
    return undefined;
  } catch (error) {
    return error.code === 'ENOENT'
      ? 'Pipecat is not installed'
      : String(error.stderr ?? error.message).trim();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problem = buildVonageConnector();
  if (problem) console.error(`Vonage's library cannot be installed: ${problem}`);
  else console.log(VONAGE_CONNECTOR);
  process.exitCode = problem ? 1 : 0;
}
