import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { buildPipecat, PIPECAT_PYTHON } from './build-pipecat.js';
import { buildLiveKitServer, LIVEKIT_SERVER } from './build-livekit-server.js';

/** What tests run beside themselves: the built package, only when a source is newer than the last build, LiveKit's server, and Pipecat. */
export default function setUp() {
  const built = statSync('dist/main.js', { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const stale = readdirSync('src', { recursive: true }).some(
    (file) => statSync(`src/${file}`).mtimeMs > built,
  );
  if (stale) execFileSync('npm', ['run', '-s', 'build'], { stdio: 'inherit' });
  const problem = buildLiveKitServer();
  if (problem) {
    console.warn(`\n*** TESTS WITH A REAL LIVEKIT SERVER ARE SKIPPED: ${problem} ***\n`);
  } else {
    process.env.LIVEKIT_SERVER = LIVEKIT_SERVER;
  }
  const noPipecat = buildPipecat();
  if (noPipecat) {
    console.warn(`\n*** TESTS WITH REAL PIPECAT BOTS ARE SKIPPED: ${noPipecat} ***\n`);
  } else {
    process.env.PIPECAT_PYTHON = PIPECAT_PYTHON;
  }
}
