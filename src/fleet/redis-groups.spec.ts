import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { countsOf, FleetTestNode } from '../../test/support/fleet-node.js';
import { describeWith } from '../../test/support/needs.js';
import { clusterClient, RedisCluster, RedisSentinels } from '../../test/support/redis-groups.js';
import { until } from '../../test/support/until.js';
import { checkFleet } from './fleet-checks.js';
import type { RedisFleetOptions } from './redis-fleet.options.js';
import { RoomQueue } from './room-queue.js';

const TIMES = { heartbeatMs: 200, leaseMs: 1_000 };
/** Time for a failover and what follows, in milliseconds. */
const FAILOVER_MS = 60_000;

describeWith('redis-server')('a fleet on a group of servers', () => {
  let stops: (() => unknown)[];

  const sentinels = async () => {
    const group = await RedisSentinels.start();
    stops.push(() => group.stop());
    const redis: RedisFleetOptions['redis'] = (options) =>
      new Redis({ ...options, ...group.options });
    return { redis, failOver: () => group.failOver() };
  };
  const cluster = async () => {
    const group = await RedisCluster.start();
    stops.push(() => group.stop());
    const redis: RedisFleetOptions['redis'] = (options) => clusterClient(group.ports, options);
    return { group, redis, failOver: (key: string) => group.failOver({ key }) };
  };
  const join = async (name: string, redis: RedisFleetOptions['redis']) => {
    const node = await FleetTestNode.join(name, redis, TIMES);
    stops.unshift(() => node.die());
    return node;
  };
  const began = async (node: FleetTestNode) => {
    expect(await checkFleet(node.link, node.directory, node.table)).toEqual([]);
    node.heartbeat.start();
    await until(() => node.heartbeat.leaseLeftMs > 0);
  };

  beforeEach(() => {
    stops = [];
    for (const level of ['log', 'warn'] as const) {
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    }
  });
  afterEach(async () => {
    for (const stop of stops) await stop();
    jest.restoreAllMocks();
  });

  it.each([
    ['Sentinel', sentinels],
    ['a Cluster', cluster],
  ])(
    'of %s keeps its sessions and its queue through a failover',
    async (_, start) => {
      const { redis, failOver } = await start();
      const [a, b] = [await join('a', redis), await join('b', redis)];
      await began(a);
      await began(b);
      await a.open('one', { pending: true });
      await a.open('two');
      const claims = await Promise.all([a, b, a, b].map((node) => node.claim('one')));
      expect(claims.sort()).toEqual(['claimed', 'taken', 'taken', 'taken']);
      await a.open('three', { pending: true });
      const queues = [await queue(redis), await queue(redis)];
      const waiting = queues[1]!.next();
      await failOver(`${a.link.prefix}idx`);
      // An answer, or none, and never a wait.
      const begunMs = performance.now();
      await a.open('four', { pending: true }).catch(() => undefined);
      expect(performance.now() - begunMs).toBeLessThan(1_500);
      await until(() => a.heartbeat.leaseLeftMs > 0 && b.heartbeat.leaseLeftMs > 0, FAILOVER_MS);
      await until(async () => (await b.claim('three').catch(() => '')) === 'claimed', FAILOVER_MS);
      const { bySet, byRecord } = await countsOf(a);
      expect(bySet).toEqual(byRecord);
      expect(bySet.idx).toEqual(expect.arrayContaining(['one', 'three', 'two']));
      expect([...a.events, ...b.events]).toEqual([]);
      await until(
        () =>
          queues[0]!.add('one').then(
            () => true,
            () => false,
          ),
        FAILOVER_MS,
      );
      const job = await nextOf(queues[1]!, waiting);
      expect(job.id).toBe('one');
      await job.done();
    },
    FAILOVER_MS,
  );

  it(
    'of a Cluster hears again of a waiting session that its new master has not got',
    async () => {
      const { redis, failOver, group } = await cluster();
      const a = await join('a', redis);
      await began(a);
      const session = { id: 'one', transport: 'websocket', kind: 'socket' as const };
      await a.open('one', { pending: true });
      a.owned.set('one', { ...session, ageMs: 0, ttlMs: 60_000 });
      const key = (name: string) => a.link.prefix + name;
      const replica = new Redis(await group.replicaOf(key('idx')), { readOnly: true });
      stops.unshift(() => replica.disconnect());
      await replica.config('SET', 'replica-read-only', 'no');
      await replica.flushall();
      // It has got the node, which need not announce itself.
      await a.directory.announce([], true);
      await until(async () => (await replica.hexists(key('n:a'), 'ok')) === 1);
      await failOver(key('idx'));
      await until(async () => (await a.claim('one').catch(() => '')) === 'claimed', 10_000);
    },
    FAILOVER_MS,
  );

  const queue = async (redis: RedisFleetOptions['redis']) => {
    const made = await RoomQueue.create({ redis, namespace: 'voice' });
    stops.unshift(() => made.close());
    return made;
  };
  const nextOf = async (from: RoomQueue, first: ReturnType<RoomQueue['next']>) => {
    for (let next = first; ; next = from.next()) {
      const job = await next.catch(() => undefined);
      if (job) return job;
    }
  };
});
