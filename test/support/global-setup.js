import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { buildPipecat, PIPECAT_PYTHON } from './build-pipecat.js';
import { buildPhoneBridge, PHONE_BRIDGE } from './build-phone-bridge.js';
import { buildVonageConnector, VONAGE_CONNECTOR } from './build-vonage-connector.js';
import { buildLiveKitServer, LIVEKIT_SERVER } from './build-livekit-server.js';

/** Builds the prerequisites of tests: the package (only if its sources are newer), LiveKit's server, Pipecat, and the phone bridge. */
export default function setUp() {
  if (isStale('dist/main.js', 'src')) run('build');
  else if (isStale('dist/console/page/index.html', 'console')) run('build:console');
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
    const noVonage = buildVonageConnector();
    if (noVonage) {
      console.warn(`\n*** TESTS WITH VONAGE'S OWN LIBRARY ARE SKIPPED: ${noVonage} ***\n`);
    } else {
      process.env.VONAGE_CONNECTOR = VONAGE_CONNECTOR;
    }
  }
  const noBridge = buildPhoneBridge();
  if (noBridge) {
    console.warn(`\n*** TESTS WITH A REAL PHONE ARE SKIPPED: ${noBridge} ***\n`);
  } else {
    process.env.PHONE_BRIDGE = PHONE_BRIDGE;
  }
}

function isStale(built, sources) {
  const builtMs = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return readdirSync(sources, { recursive: true, withFileTypes: true }).some(
    (entry) =>
      // A copied folder is as new as the copy, and specs are not part of what is built.
      entry.isFile() &&
      !entry.name.endsWith('.spec.ts') &&
      statSync(`${entry.parentPath}/${entry.name}`).mtimeMs > builtMs,
  );
}

function run(script) {
  execFileSync('npm', ['run', '-s', script], { stdio: 'inherit' });
}
