// Builds MoQ's own relay from its crate, once per machine: `node test/support/build-moq-relay.js`.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TEST_CACHE } from './build-pipecat.js';

/** One that speaks the protocol of `moq-rs` 0.5, which Pipecat's transport is built on. */
const VERSION = '0.17.10';

/** Path of the relay; `MOQ_RELAY` overrides it. */
export const MOQ_RELAY = process.env.MOQ_RELAY ?? join(TEST_CACHE, `moq-relay-${VERSION}`);

/** Builds it unless it is there. @returns why that was not possible, if it was not */
export function buildMoqRelay() {
  if (existsSync(MOQ_RELAY)) return undefined;
  const building = `${MOQ_RELAY}.building`;
  try {
    execFileSync('cargo', ['--version'], { stdio: 'pipe' });
    console.log(`Building moq-relay ${VERSION}, once; it takes ten minutes or more …`);
    mkdirSync(TEST_CACHE, { recursive: true });
    execFileSync(
      'cargo',
      [
        ...['install', 'moq-relay', '--version', VERSION, '--root', building, '--quiet'],
        // What the tests use, unoptimized, which takes less long.
        ...['--debug', '--no-default-features', '--features', 'noq,websocket'],
      ],
      { stdio: 'pipe', timeout: 3_600_000 },
    );
    renameSync(join(building, 'bin', 'moq-relay'), MOQ_RELAY);
    rmSync(building, { recursive: true });
    return undefined;
  } catch (error) {
    return error.code === 'ENOENT'
      ? 'Rust 1.95 is not installed'
      : String(error.stderr ?? error.message).trim();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problem = buildMoqRelay();
  if (problem) console.error(`moq-relay cannot be built: ${problem}`);
  else console.log(MOQ_RELAY);
  process.exitCode = problem ? 1 : 0;
}
