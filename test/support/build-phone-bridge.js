// Builds the phone bridge from its Go sources, once per version of them: `node test/support/build-phone-bridge.js`.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const SOURCES = fileURLToPath(new URL('phone-bridge', import.meta.url));

/** Path of the bridge; `PHONE_BRIDGE` overrides it. */
export const PHONE_BRIDGE =
  process.env.PHONE_BRIDGE ??
  join(
    process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
    'nestjs-pipecat-runner',
    `phone-bridge-${versionOf(SOURCES)}`,
  );

/** Builds it unless it is there. @returns why that was not possible, if it was not */
export function buildPhoneBridge() {
  if (existsSync(PHONE_BRIDGE)) return undefined;
  const unfinished = `${PHONE_BRIDGE}.${process.pid}`;
  try {
    execFileSync('go', ['version'], { stdio: 'pipe' });
    console.log('Building the phone bridge, once; it takes half a minute …');
    mkdirSync(dirname(PHONE_BRIDGE), { recursive: true });
    execFileSync('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', unfinished, '.'], {
      cwd: SOURCES,
      env: { ...process.env, GOFLAGS: '', CGO_ENABLED: '0' },
      stdio: 'pipe',
      timeout: 300_000,
    });
    renameSync(unfinished, PHONE_BRIDGE);
    return undefined;
  } catch (error) {
    return error.code === 'ENOENT'
      ? 'Go 1.24 or later is not installed (https://go.dev/dl)'
      : `the phone bridge cannot be built: ${String(error.stderr ?? error.message).trim()}`;
  }
}

/** Names a state of the sources. */
function versionOf(folder) {
  const hash = createHash('sha256');
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('_test.go')) hash.update(file).update(readFileSync(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problem = buildPhoneBridge();
  if (problem) console.error(problem);
  else console.log(PHONE_BRIDGE);
  process.exitCode = problem ? 1 : 0;
}
