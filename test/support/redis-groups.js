import { Cluster, Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

const NAME = 'voice';
const HOST = '127.0.0.1';
/** Silence after which a primary is replaced, in milliseconds. */
const DOWN_AFTER_MS = 1_000;
const SLOTS = 16_384;
/** A primary waits for more replicas otherwise. */
const AT_ONCE = ['--repl-diskless-sync-delay', '0'];

/** A primary with a replica, and three Sentinels that promote the replica when the primary is gone. */
export class RedisSentinels {
  constructor(primary, replica, sentinels) {
    this.primary = primary;
    this.replica = replica;
    this.sentinels = sentinels;
  }

  static async start() {
    const primary = await RedisServer.start(...AT_ONCE);
    const replica = await RedisServer.start('--replicaof', `${HOST} ${primary.port}`);
    await until(replica, async (client) => /master_link_status:up/.test(await client.info()));
    const sentinels = [];
    for (let n = 0; n < 3; n++) {
      const sentinel = await RedisServer.start('--sentinel');
      await tell(sentinel, (client) => monitor(client, primary.port));
      sentinels.push(sentinel);
    }
    for (const one of sentinels) {
      const [slaves, others] = [/slaves=1\b/, /sentinels=3\b/];
      await until(one, async (client) => {
        const info = await client.info('sentinel');
        return slaves.test(info) && others.test(info);
      });
    }
    return new RedisSentinels(primary, replica, sentinels);
  }

  /** Options of ioredis. */
  get options() {
    return { name: NAME, sentinels: this.sentinels.map(({ port }) => ({ host: HOST, port })) };
  }

  /** Kills the primary. @param isBehind true for a replica that has got nothing. Resolves, in milliseconds, when it is promoted. */
  failOver({ isBehind = false } = {}) {
    return replace(this.primary, this.replica, isBehind);
  }

  async stop() {
    await Promise.all(
      [this.primary, this.replica, ...this.sentinels].map(async (one) => one.stop()),
    );
  }
}

async function monitor(client, port) {
  await client.call('SENTINEL', 'MONITOR', NAME, HOST, String(port), '2');
  for (const [option, value] of [
    ['down-after-milliseconds', DOWN_AFTER_MS],
    ['failover-timeout', 3_000],
  ]) {
    await client.call('SENTINEL', 'SET', NAME, option, String(value));
  }
}

/** A Cluster of three masters, each with a replica. */
export class RedisCluster {
  constructor(servers) {
    this.servers = servers;
  }

  static async start() {
    const servers = [];
    const busPorts = [];
    for (let n = 0; n < 6; n++) {
      busPorts.push(await freePort());
      servers.push(
        await RedisServer.start(
          ...['--cluster-enabled', 'yes', '--cluster-node-timeout', String(DOWN_AFTER_MS)],
          ...['--cluster-port', String(busPorts[n]), ...AT_ONCE],
        ),
      );
    }
    for (const [at, server] of servers.entries()) {
      const share = (n) => Math.ceil((n * SLOTS) / 3);
      await tell(server, async (client) => {
        await client.cluster('SET-CONFIG-EPOCH', at + 1);
        if (at < 3) await client.cluster('ADDSLOTSRANGE', share(at), share(at + 1) - 1);
      });
    }
    for (const server of servers) {
      await tell(server, async (client) => {
        for (const [at, { port }] of servers.entries()) {
          if (port !== server.port) await client.cluster('MEET', HOST, port, busPorts[at]);
        }
      });
    }
    const ids = [];
    for (const server of servers) {
      await until(server, async (client) => /known_nodes:6\b/.test(await client.cluster('INFO')));
      ids.push(await tell(server, (client) => client.cluster('MYID')));
    }
    for (const [at, server] of servers.slice(3).entries()) {
      // A node that is being met has another id.
      const isMet = async (client) => String(await client.cluster('NODES')).includes(ids[at]);
      await until(server, isMet);
      await tell(server, (client) => client.cluster('REPLICATE', ids[at]));
      await until(server, async (client) => /master_link_status:up/.test(await client.info()));
    }
    for (const server of servers) {
      await until(server, async (client) => {
        const nodes = String(await client.cluster('NODES'));
        const state = String(await client.cluster('INFO'));
        return /state:ok/.test(state) && nodes.split('slave ').length === 4;
      });
    }
    return new RedisCluster(servers);
  }

  /** Ports of its servers, for a client of ioredis. */
  get ports() {
    return this.servers.map(({ port }) => port);
  }

  /** Makes a user on all its servers, which may do no more than this. */
  async setUser(name, password, ...rights) {
    const user = [name, 'reset', 'on', `>${password}`, ...rights];
    await Promise.all(
      this.servers.map((server) =>
        tell(server, (client) => client.call('ACL', 'SETUSER', ...user)),
      ),
    );
  }

  /** Port of the replica that has a key. */
  async replicaOf(key) {
    return this.servers[(await this.#placeOf(key)) + 3].port;
  }

  /** Kills the master that has a key. @param isBehind true for a replica that has got nothing. Resolves, in milliseconds, when it is promoted. */
  async failOver({ key, isBehind = false }) {
    const at = await this.#placeOf(key);
    return replace(this.servers[at], this.servers[at + 3], isBehind);
  }

  /** Which of the masters has a key. */
  async #placeOf(key) {
    const slot = await tell(this.servers[0], (client) => client.cluster('KEYSLOT', key));
    return Math.floor((slot * 3) / SLOTS);
  }

  async stop() {
    await Promise.all(this.servers.map(async (one) => one.stop()));
  }
}

/** Returns a client of a Cluster as the documentation makes it. */
export const clusterClient = (ports, { enableOfflineQueue, lazyConnect, ...options } = {}) =>
  new Cluster(
    ports.map((port) => ({ host: HOST, port })),
    { enableOfflineQueue, lazyConnect, redisOptions: options },
  );

async function replace(primary, replica, isBehind) {
  if (isBehind) {
    await tell(replica, async (client) => {
      await client.config('SET', 'replica-read-only', 'no');
      await client.flushall();
    });
  }
  const begunMs = performance.now();
  await primary.kill();
  await until(replica, async (client) => (await client.role())[0] === 'master');
  return Math.round(performance.now() - begunMs);
}

async function tell({ port }, work) {
  const client = new Redis(port, HOST);
  client.on('error', () => undefined);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

/** Asks a server until it says so, for 20 s at most. */
function until(server, isSo) {
  const giveUpMs = performance.now() + 20_000;
  return tell(server, async (client) => {
    while (!(await isSo(client).catch(() => false))) {
      if (performance.now() > giveUpMs) throw new Error(`port ${server.port} does not say so`);
      await sleep(20);
    }
  });
}
