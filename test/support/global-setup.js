import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { buildLiveKitServer, LIVEKIT_SERVER } from './build-livekit-server.js';

/** What tests run beside themselves: the built package, only what has a source newer than the last build, and LiveKit's server. */
export default function setUp() {
  if (isStale('dist/main.js', 'src')) run('build');
  else if (isStale('dist/console/page/index.html', 'console')) run('build:console');
  const problem = buildLiveKitServer();
  if (problem) {
    console.warn(`\n*** TESTS WITH A REAL LIVEKIT SERVER ARE SKIPPED: ${problem} ***\n`);
  } else {
    process.env.LIVEKIT_SERVER = LIVEKIT_SERVER;
  }
}

function isStale(built, sources) {
  const builtMs = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return readdirSync(sources, { recursive: true }).some(
    (file) => statSync(`${sources}/${file}`).mtimeMs > builtMs,
  );
}

function run(script) {
  execFileSync('npm', ['run', '-s', script], { stdio: 'inherit' });
}
