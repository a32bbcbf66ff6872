// Measures the directory of a fleet on a real Redis: CPU of the server for each script, latency, and commands of a session. `node bench/fleet.js`, after a
// build; REDIS_SERVER names another server.
import 'reflect-metadata';
import { Redis } from 'ioredis';
import { RedisServer } from '../test/support/redis-server.js';
import { FleetSecrets } from '../dist/fleet/fleet-secrets.js';
import { resolveFleetSettings, secretsOf } from '../dist/fleet/redis-fleet.options.js';
import { RedisLink } from '../dist/fleet/redis-link.js';
import { BEAT } from '../dist/fleet/scripts/beat.script.js';
import { SessionDirectory } from '../dist/fleet/session-directory.js';

const SESSIONS = 5_000;
const AT_ONCE = 50;
/** Starts a second, of three nodes together. */
const PACE = 500;

const server = await RedisServer.start('--appendonly', 'yes');
try {
  await measure();
} finally {
  await server.stop();
}

async function measure() {
  const watcher = new Redis(server.port);
  const settings = resolveFleetSettings({
    redis: server.url,
    secret: 'a secret of the fleet, long enough for it',
    advertiseUrl: 'http://127.0.0.1:3000',
  });
  const link = await RedisLink.create(settings);
  await link.client.connect();
  const secrets = new FleetSecrets(secretsOf(settings));
  const directory = new SessionDirectory(link, secrets, settings, 'a', 100_000);
  const body = { user: { id: 7, name: 'Ada' }, topic: 'billing', notes: 'x'.repeat(220) };
  const caller = (at) => ({ id: `caller ${at % 500}`, maxSessions: 100 });
  const session = (at, prefix = 's') => ({
    ...{ id: `${prefix}${at}`, transport: 'websocket', kind: 'socket', ttlMs: 120_000 },
    ...{ data: body, caller: caller(at) },
  });
  const rows = [];
  const part = async (name, times, run, atOnce = AT_ONCE) => {
    await run(-1);
    await watcher.config('RESETSTAT');
    const took = [];
    const beganMs = performance.now();
    for (let from = 0; from < times; from += atOnce) {
      await Promise.all(
        Array.from({ length: Math.min(atOnce, times - from) }, async (_, at) => {
          const begunMs = performance.now();
          await run(from + at);
          took.push(performance.now() - begunMs);
        }),
      );
    }
    const perSecond = Math.round((times / (performance.now() - beganMs)) * 1_000);
    const stats = await watcher.info('commandstats');
    const calls = Object.fromEntries(
      [...stats.matchAll(/cmdstat_(\S+?):calls=(\d+),usec=(\d+)/g)].map(([, command, n, usec]) => [
        command,
        { n: Number(n), usec: Number(usec) },
      ]),
    );
    const scripts = calls.evalsha ?? { n: 0, usec: 0 };
    const inside = Object.entries(calls).filter(
      ([command]) => !/^(evalsha|config|info)/.test(command),
    );
    took.sort((a, b) => a - b);
    rows.push({
      script: name,
      'µs of Redis': Number((scripts.usec / times).toFixed(1)),
      'round trips': scripts.n / times,
      'commands inside': Number((inside.reduce((sum, [, { n }]) => sum + n, 0) / times).toFixed(1)),
      'at once': atOnce,
      'p99 ms': Number(took[Math.floor(took.length * 0.99)].toFixed(2)),
      'a second': perSecond,
    });
  };
  const memoryBefore = await memory(watcher);
  await part('open', SESSIONS, (at) => directory.open(session(at), `o${at}`));
  const perSession = (await memory(watcher)) - memoryBefore;
  const epochs = new Map();
  await part('claim', SESSIONS, async (at) =>
    epochs.set(at, (await directory.claim(`s${at}`, ['websocket'], `c${at}`)).epoch),
  );
  const info = '{"url":"http://127.0.0.1:3000","state":"ready"}';
  // Its places for rooms, and the most sessions of the node.
  const most = [100, 100_000];
  await part('beat', 2_000, () =>
    link.run(BEAT, 'a', 10_000, 2_000, info, 'm', ...most, ...secrets.fingerprints),
  );
  const announced = Array.from({ length: 100 }, (_, at) => ({
    ...session(at),
    epoch: 1,
    ageMs: 1,
    ttlMs: 1,
  }));
  await part('announce of 100 known', 100, () => directory.announce(announced, false), 1);
  await part('end', SESSIONS, (at) =>
    directory.end({ id: `s${at}`, epoch: epochs.get(at), code: 'completed', nonce: `e${at}` }),
  );
  await part('open, claimed at once', SESSIONS, (at) =>
    directory.open({ ...session(at, 'x'), isConnected: true }, `o${at}`),
  );
  const paced = await claimsAtPace(settings, secrets, session);
  await watcher.hset(`${link.prefix}meta`, 'grace', 0);
  await part(
    'reap of 100',
    40,
    async () => {
      await watcher.zadd(`${link.prefix}nodes`, 0, 'a');
      await directory.reap('a');
    },
    1,
  );
  console.table(rows);
  console.log(`claims of three nodes at ${PACE} starts a second: ${paced}`);
  console.log(
    `memory of an open session with a body of 288 B: ${Math.round(perSession / SESSIONS)} B`,
  );
  console.log((await watcher.info('server')).match(/(redis|valkey)_version:\S+/g).join(' '));
  link.close();
  watcher.disconnect();
}

/** Opens sessions on one of three nodes and claims them on another, at the pace of clients. @returns the latency of the claims */
async function claimsAtPace(settings, secrets, session) {
  const nodes = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => {
      const link = await RedisLink.create(settings);
      await link.client.connect();
      return { link, directory: new SessionDirectory(link, secrets, settings, name, 100_000) };
    }),
  );
  const took = [];
  const one = async (at) => {
    const { id } = session(at, 'p');
    await nodes[at % 3].directory.open(session(at, 'p'));
    const begunMs = performance.now();
    const claim = await nodes[(at + 1) % 3].directory.claim(id, ['websocket']);
    took.push(performance.now() - begunMs);
    await nodes[(at + 1) % 3].directory.end({
      id,
      epoch: claim.epoch,
      code: 'completed',
      nonce: id,
    });
  };
  const startMs = performance.now();
  const running = [];
  for (let at = 0; at < 10 * PACE; at++) {
    const waitMs = startMs + (at * 1_000) / PACE - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    running.push(one(at));
  }
  await Promise.all(running);
  for (const { link } of nodes) link.close();
  took.sort((a, b) => a - b);
  const at = (part) => took[Math.floor(took.length * part)].toFixed(2);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms of ${took.length}`;
}

async function memory(redis) {
  return Number((await redis.info('memory')).match(/used_memory:(\d+)/)[1]);
}
