import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { WebSocket } from 'ws';
import { freePort } from '../support/free-port.js';
import { clusterClient, RedisCluster, RedisSentinels } from '../support/redis-groups.js';
import { RedisServer } from '../support/redis-server.js';
import { ReplyProxy } from '../support/reply-proxy.js';

export const BEAT_MS = 400;
export const LEASE_MS = 2_000;
/** Tries of a patient client, four a second. */
const TRIES = 60;
const SECRET = 'a secret of the fleet, long enough for it';
const HERE = fileURLToPath(new URL('../..', import.meta.url));
const PREFIX = 'pipecat:{test}:';
/** Marks what must not be read in Redis. */
export const CONFIDENTIAL = 'the-moon-is-made-of-cheese';

/** Small, fast and seeded: Mulberry32. */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Redis, nodes of a fleet in processes of their own, and clients that come to any of them. */
export class World {
  nodes = [];
  /** Number of times that a patient client was asked to come again. */
  again = 0;
  children = [];
  /** Reported ends by session, in the order in which they came. */
  ends = new Map();

  constructor(random, options) {
    this.random = random;
    this.options = options;
  }

  /**
   * @param options `servers`: `sentinels` or `cluster` for those, instead of one server that each node reaches by a proxy of its own; `old`: `folder` of a
   * clone of another version, and the number of `nodes` that are of it
   */
  static async start(random, { nodes = 3, redisArgs = [], servers = 'one', old, ...options } = {}) {
    const world = new World(random, options);
    const retryStrategy = () => 50;
    if (servers === 'sentinels') {
      world.server = await RedisSentinels.start();
      world.group = world.server.options;
      world.redis = new Redis({ ...world.group, retryStrategy });
    } else if (servers === 'cluster') {
      world.server = await RedisCluster.start();
      world.group = { cluster: world.server.ports };
      world.redis = clusterClient(world.server.ports);
    } else {
      world.server = await RedisServer.start(...redisArgs);
      world.redis = new Redis(world.server.port, { retryStrategy });
    }
    world.redis.on('error', () => undefined);
    const clocksMs = options.clocksMs ?? [];
    await Promise.all(
      range(nodes).map((at) =>
        world.startNode(at, clocksMs[at], at < old?.nodes ? old.folder : HERE),
      ),
    );
    return world;
  }

  /** Starts a node, or a new one in the place of one that has left. */
  async startNode(at, clockMs = 0, folder = HERE) {
    const { fleet, runner } = this.options;
    const port = this.nodes[at]?.port ?? (await freePort());
    const proxy = this.nodes[at]?.proxy ?? (await ReplyProxy.to(this.server.port));
    const door = this.nodes[at]?.door ?? (await ReplyProxy.to(port));
    const settings = {
      port,
      clockMs,
      runner: { maxSessions: 5_000, drainTimeoutMs: 3_000, ...runner },
      fleet: {
        redis: this.group ?? proxy.url,
        ...{ secret: SECRET, namespace: 'test', advertiseUrl: door.url.replace('redis', 'http') },
        ...{ heartbeatMs: BEAT_MS, leaseMs: LEASE_MS },
        ...fleet,
      },
    };
    const file = join(folder, 'test', 'fleet', 'node.js');
    const child = spawn(process.execPath, [file, JSON.stringify(settings)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.children.push(child);
    child.on('message', ({ sessionId, code }) => {
      if (sessionId) this.ends.set(sessionId, [...(this.ends.get(sessionId) ?? []), code]);
    });
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error('a node did not start'))),
    ]);
    this.nodes[at] = { at, child, proxy, door, port };
    return this.nodes[at];
  }

  async stop() {
    this.redis?.disconnect();
    for (const child of this.children) {
      child.kill('SIGCONT');
      child.kill('SIGKILL');
    }
    for (const { proxy, door } of this.nodes) await Promise.all([proxy.stop(), door.stop()]);
    await Promise.all(
      this.children.map((one) => one.exitCode ?? one.signalCode ?? once(one, 'exit')),
    );
    await this.server.stop();
  }

  /** Any of some nodes. */
  any(nodes = this.nodes) {
    return nodes[Math.floor(this.random() * nodes.length)];
  }

  /** Announces a session. @returns `status`, and if that is 200 `id` and `token` */
  async announce(node, n) {
    const begunMs = performance.now();
    const answer = await fetch(`http://127.0.0.1:${node.port}/start`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ transport: 'websocket', body: { n, secret: CONFIDENTIAL } }),
      signal: AbortSignal.timeout(10_000),
    });
    const json = await answer.json();
    const ms = performance.now() - begunMs;
    const id = answer.headers.get('x-session-id');
    return { n, ms, status: answer.status, id, token: json.token };
  }

  /** Connects a client. @returns `socket` and `body`, or the `code` it was closed with; and `ms` until then */
  async join(node, { token, id, n }) {
    const begunMs = performance.now();
    const socket = new WebSocket(`ws://127.0.0.1:${node.port}/ws-client?token=${token}`);
    socket.on('error', () => undefined);
    const [first] = await Promise.race([
      once(socket, 'message'),
      once(socket, 'close').then(([code]) => [code]),
    ]);
    const ms = performance.now() - begunMs;
    if (typeof first === 'number') return { id, n, ms, code: first };
    return { id, n, ms, node, socket, body: JSON.parse(String(first)) };
  }

  /** Asks a node to end a session. @returns `status`, and `ms` until then */
  async end(node, { id }) {
    const begunMs = performance.now();
    const url = `http://127.0.0.1:${node.port}/sessions/${id}`;
    const { status } = await fetch(url, { method: 'DELETE', signal: AbortSignal.timeout(10_000) });
    return { status, ms: performance.now() - begunMs };
  }

  /**
   * Announces and connects sessions, each at any of some nodes, some at once.
   * @param isPatient true for clients that come again when they are asked to, as one is on a machine that is too busy: `again` counts it
   */
  async converse(count, { nodes = this.nodes, atOnce = 25, isPatient = true } = {}) {
    const tries = isPatient ? TRIES : 1;
    const announced = await inChunks(range(count), atOnce, (n) =>
      this.announcePatiently(n, nodes, tries),
    );
    const open = announced.filter(({ status }) => status === 200);
    const joined = await inChunks(open, atOnce, (one) => this.joinPatiently(one, nodes, tries));
    return { announced, joined };
  }

  joinPatiently(one, nodes = this.nodes, tries = TRIES) {
    return this.patiently(
      tries,
      ({ code }) => code === 1013,
      () => this.join(this.any(nodes), one),
    );
  }

  announcePatiently(n, nodes = this.nodes, tries = TRIES) {
    return this.patiently(
      tries,
      ({ status }) => status === 503,
      () => this.announce(this.any(nodes), n),
    );
  }

  async patiently(tries, isRefused, attempt) {
    for (let left = tries - 1; ; left--) {
      const result = await attempt();
      if (!isRefused(result) || left === 0) return result;
      this.again++;
      await sleep(250);
    }
  }

  /** Numbers of sessions by the sets of Redis, and by its records. */
  async counts() {
    const own = await this.keys(`${PREFIX}own:*`);
    const [idx, pending, records, ...owned] = await Promise.all([
      this.redis.zcard(`${PREFIX}idx`),
      this.redis.zcard(`${PREFIX}pending`),
      this.keys(`${PREFIX}s:*`),
      ...own.map((key) => this.redis.scard(key)),
    ]);
    const states = await Promise.all(records.map((key) => this.redis.hget(key, 'st')));
    return {
      idx,
      pending,
      owned: owned.reduce((sum, one) => sum + one, 0),
      records: states.filter((state) => state !== 'lost').length,
    };
  }

  /** Resolves, in milliseconds, once exactly so many sessions are owned and wait, by every count. */
  async exact(owned, pending = 0, withinMs = 10_000) {
    const begunMs = performance.now();
    const wanted = JSON.stringify({
      idx: owned + pending,
      pending,
      owned,
      records: owned + pending,
    });
    for (;;) {
      const found = JSON.stringify(await this.counts().catch(() => undefined));
      const tookMs = performance.now() - begunMs;
      if (found === wanted) return Math.round(tookMs);
      if (tookMs > withinMs) throw new Error(`counts are ${found}, not ${wanted}`);
      await sleep(100);
    }
  }

  key(name) {
    return PREFIX + name;
  }

  /** Keys by a pattern, of all masters. */
  async keys(pattern) {
    const masters = this.redis.isCluster ? this.redis.nodes('master') : [this.redis];
    return (await Promise.all(masters.map((one) => one.keys(pattern)))).flat();
  }
}

/** True if a conversation goes on: its bot answers. */
export async function talks({ socket, n }, withinMs = 3_000) {
  if (socket.readyState !== WebSocket.OPEN) return false;
  const text = `ping ${n} ${performance.now()}`;
  const signal = AbortSignal.timeout(withinMs);
  const answered = (async () => {
    for (;;) {
      const [data] = await once(socket, 'message', { signal });
      if (String(data) === text) return true;
    }
  })();
  socket.send(text);
  return answered.catch(() => false);
}

/** Hangs up all that are still connected. */
export async function hangUp(joined) {
  await inChunks(
    joined.filter(({ socket }) => socket && socket.readyState === WebSocket.OPEN),
    100,
    async ({ socket }) => {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  );
}

export const range = (count) => Array.from({ length: count }, (_, at) => at);

export async function inChunks(all, size, work) {
  const results = [];
  for (let at = 0; at < all.length; at += size) {
    results.push(...(await Promise.all(all.slice(at, at + size).map(work))));
  }
  return results;
}

export function percentile(all, share) {
  const sorted = all.map(({ ms }) => ms).sort((a, b) => a - b);
  return Number(
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1),
  );
}
