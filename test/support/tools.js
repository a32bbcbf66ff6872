// Programs that tests need beside npm's packages: where they are, and how they are had. `npm run test:setup` installs all of them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildHelm, buildKubectlValidate, HELM, KUBECTL_VALIDATE } from './build-chart-tools.js';
import { buildLiveKitServer, LIVEKIT_SERVER } from './build-livekit-server.js';
import { buildMoqRelay, MOQ_RELAY } from './build-moq-relay.js';
import { buildPhoneBridge, PHONE_BRIDGE } from './build-phone-bridge.js';
import { buildPipecat, PIPECAT_PYTHON, SCAFFOLDS } from './build-pipecat.js';
import { buildValkey, VALKEY_SERVER } from './build-valkey.js';
import { buildVonageConnector, VONAGE_CONNECTOR } from './build-vonage-connector.js';

/** @returns the first of some files that exists */
const fileOf = (...paths) => paths.find((path) => path !== undefined && existsSync(path));

const debian = (apt, ...paths) => ({ apt, find: () => fileOf(...paths) });

/** Tools by the names that tests need them by. `apt`: package of Debian; `build`: makes it, or returns why it cannot; `takesLong`: only where it is asked for. */
export const TOOLS = {
  chromium: debian('chromium', process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'),
  'firefox-esr': debian('firefox-esr', '/usr/bin/firefox-esr'),
  pulseaudio: debian('pulseaudio', '/usr/bin/pulseaudio'),
  coturn: debian('coturn', process.env.COTURN, '/usr/bin/turnserver'),
  baresip: debian('baresip-core', process.env.BARESIP, '/usr/bin/baresip'),
  'espeak-ng': debian('espeak-ng', process.env.ESPEAK, '/usr/bin/espeak-ng'),
  haproxy: debian('haproxy', process.env.HAPROXY, '/usr/sbin/haproxy'),
  'redis-server': debian('redis-server', process.env.REDIS_SERVER, '/usr/bin/redis-server'),
  openssl: debian('openssl', '/usr/bin/openssl'),
  helm: { find: () => fileOf(HELM), build: buildHelm },
  'kubectl-validate': { find: () => fileOf(KUBECTL_VALIDATE), build: buildKubectlValidate },
  'livekit-server': { find: () => fileOf(LIVEKIT_SERVER), build: buildLiveKitServer },
  'moq-relay': { find: () => fileOf(MOQ_RELAY), build: buildMoqRelay, takesLong: true },
  'phone bridge': { find: () => fileOf(PHONE_BRIDGE), build: buildPhoneBridge },
  Pipecat: { find: () => fileOf(PIPECAT_PYTHON), build: () => buildPipecat() },
  /** Without it `pipecat.runner.run` cannot be imported; another Python than the suite's may lack it. */
  'pipecat-ai[runner]': { find: runnerExtra, build: () => buildPipecat() },
  'valkey-server': {
    find: () => fileOf(process.env.VALKEY_SERVER, VALKEY_SERVER, '/usr/bin/valkey-server'),
    build: buildValkey,
  },
  "Vonage's library": { find: () => fileOf(VONAGE_CONNECTOR), build: buildVonageConnector },
  "Pipecat's scaffolds": {
    find: () => fileOf(SCAFFOLDS.python),
    build: () => buildPipecat(SCAFFOLDS),
  },
  '/dev/full': { find: () => fileOf('/dev/full') },
  'the right to mount': { find: rightToMount },
};

/** Names of tools that are not here. */
export const missingOf = (names) => names.filter((name) => !TOOLS[name].find());

function runnerExtra() {
  const imports = ['-c', 'import uvicorn, fastapi, dotenv'];
  return fileOf(PIPECAT_PYTHON) && succeeds(PIPECAT_PYTHON, ...imports)
    ? PIPECAT_PYTHON
    : undefined;
}

function rightToMount() {
  const at = mkdtempSync(join(tmpdir(), 'disk-'));
  try {
    return succeeds('mount', '-t', 'tmpfs', 'tmpfs', at) && succeeds('umount', at)
      ? 'mount'
      : undefined;
  } finally {
    rmdirSync(at);
  }
}

function succeeds(program, ...args) {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
