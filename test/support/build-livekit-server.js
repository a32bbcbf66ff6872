// Builds LiveKit's own server from its Go module, once per machine: `node test/support/build-livekit-server.js`.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

// Later versions replace modules by ones that the Go module proxy does not have.
const VERSION = '1.13.5';

/** Path of the server; `LIVEKIT_SERVER` overrides it. */
export const LIVEKIT_SERVER =
  process.env.LIVEKIT_SERVER ??
  join(
    process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
    'nestjs-pipecat-runner',
    `livekit-server-${VERSION}`,
  );

/** Builds it unless it is there. @returns why that was not possible, if it was not */
export function buildLiveKitServer() {
  if (existsSync(LIVEKIT_SERVER)) return undefined;
  const folder = dirname(LIVEKIT_SERVER);
  try {
    execFileSync('go', ['version'], { stdio: 'pipe' });
    console.log(`Building livekit-server ${VERSION}, once; it takes a minute or two …`);
    mkdirSync(folder, { recursive: true });
    execFileSync(
      'go',
      ['install', '-ldflags=-s -w', `github.com/livekit/livekit-server/cmd/server@v${VERSION}`],
      {
        env: { ...process.env, GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0' },
        stdio: 'pipe',
        timeout: 900_000,
      },
    );
    renameSync(join(folder, 'server'), LIVEKIT_SERVER);
    return undefined;
  } catch (error) {
    return error.code === 'ENOENT'
      ? 'Go 1.26 is not installed'
      : String(error.stderr ?? error.message).trim();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problem = buildLiveKitServer();
  if (problem) console.error(`livekit-server cannot be built: ${problem}`);
  else console.log(LIVEKIT_SERVER);
  process.exitCode = problem ? 1 : 0;
}
