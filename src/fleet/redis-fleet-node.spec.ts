import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { describeWith } from '../../test/support/needs.js';
import { FLEET_SECRET } from '../../test/support/fleet-node.js';
import { clusterClient } from '../../test/support/redis-groups.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { ReplyProxy } from '../../test/support/reply-proxy.js';
import { until } from '../../test/support/until.js';
import { FleetSetupError } from './fleet-checks.js';
import type { RedisFleetOptions } from './redis-fleet.options.js';
import { RedisFleetNode } from './redis-fleet-node.js';

const OWN = {
  size: 0,
  vitals: () => ({}),
  list: () => [],
  handOver: () => true,
  taken: () => undefined,
  buried: () => undefined,
  swept: () => undefined,
  dispatch: () => undefined,
};
const SESSION = { id: 'one', transport: 'websocket', kind: 'socket', ttlMs: 60_000 } as const;

describeWith('redis-server')('a runner in a fleet', () => {
  let redis: RedisServer;
  let proxy: ReplyProxy;
  let nodes: RedisFleetNode[];
  let warnings: string[];
  /** Servers beside Redis. */
  let servers: RedisServer[];

  const join = async (url: RedisFleetOptions['redis'], settings: object = {}) => {
    const given = { redis: url, secret: FLEET_SECRET, advertiseUrl: 'http://10.0.0.7:3000' };
    const times = { heartbeatMs: 100, leaseMs: 600 };
    const joining = { maxSessions: 10, version: '1.2.3', own: OWN };
    const node = await RedisFleetNode.join({ ...given, ...times, ...settings }, joining);
    nodes.push(node);
    return node;
  };

  beforeEach(async () => {
    [nodes, warnings, servers] = [[], [], []];
    jest
      .spyOn(Logger.prototype, 'warn')
      .mockImplementation((text: string) => void warnings.push(text));
    jest
      .spyOn(Logger.prototype, 'error')
      .mockImplementation((text: string) => void warnings.push(text));
    jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    redis = await RedisServer.start();
    proxy = await ReplyProxy.to(redis.port);
  });
  afterEach(async () => {
    for (const node of nodes) await node.leave();
    await proxy.stop();
    for (const server of [redis, ...servers]) await server.stop();
    jest.restoreAllMocks();
  });

  it('opens a session that another claims, and leaves when it is over', async () => {
    const [a, b] = [await join(redis.url, { nodeName: 'a' }), await join(redis.url)];
    await a.open({ ...SESSION, data: { topic: 'billing' } });
    const claim = await b.claim('one', ['websocket']);
    expect(claim).toMatchObject({ openedBy: a.name, data: { topic: 'billing' } });
    await a.drain();
    expect((await b.nodes()).map(({ name, state }) => [name.slice(0, 2), state]).sort()).toEqual([
      ['a-', 'draining'],
      ['no', 'ready'],
    ]);
    b.end({ id: 'one', code: 'completed', epoch: 1 });
    await a.leave();
    await b.leave();
    const c = await join(redis.url);
    expect((await c.nodes()).map(({ name }) => name)).toEqual([c.name]);
    expect(warnings).toEqual([]);
  });

  it('retires one at a time, and only while no node is missing', async () => {
    const [a, b] = [await join(redis.url), await join(redis.url)];
    await until(() => a.gauges()?.nodes.ready === 2 && b.gauges()?.nodes.ready === 2);
    expect([await a.takeTurn(), await b.takeTurn()]).toEqual([true, false]);
    await a.drain();
    expect(await b.takeTurn()).toBe(false);
    await a.leave();
    // Its turn now, but nobody has replaced the other yet.
    expect([await b.takeTurn(), await b.takeTurn()]).toEqual([false, false]);
    await join(redis.url);
    expect(await b.takeTurn()).toBe(true);
  });

  it('ends what it could not open for want of an answer', async () => {
    const [a, b] = [await join(proxy.url), await join(redis.url)];
    proxy.cut();
    await expect(a.open(SESSION)).rejects.toThrow(/Redis did not answer open/);
    proxy.heal();
    await until(async () => (await b.claim('one', ['other'])).outcome === 'missing');
    await expect(b.open(SESSION)).rejects.toThrow(/was opened before/);
  });

  it.each([
    ['', 'NOAUTH'],
    [':wrong@', 'WRONGPASS'],
  ])('does not start with a login that Redis refuses: %j', async (login, reason) => {
    const locked = await RedisServer.start('--requirepass', 'password');
    const joining = join(locked.url.replace('//', `//${login}`));
    const message = `asks for: 127.0.0.1:${locked.port}: ${reason}`;
    await expect(joining).rejects.toThrow(new RegExp(message));
    await expect(joining).rejects.toBeInstanceOf(FleetSetupError);
    await locked.stop();
  });

  it('tells which server is away, and why', async () => {
    await redis.kill();
    await join(redis.url);
    expect(warnings.join('\n')).toMatch(/alone until Redis answers: .*:\d+: connect ECONNREFUSED/);
  });

  const serve = async (...args: string[]): Promise<RedisServer> => {
    const server = await RedisServer.start(...args);
    servers.push(server);
    return server;
  };
  const tell = async <T>(port: number, work: (client: Redis) => Promise<T>): Promise<T> => {
    const client = new Redis(port, '127.0.0.1');
    try {
      return await work(client);
    } finally {
      client.disconnect();
    }
  };
  const watch = (sentinel: RedisServer) =>
    tell(sentinel.port, (client) =>
      client.call('SENTINEL', 'MONITOR', 'voice', '127.0.0.1', String(redis.port), '1'),
    );
  const sentinelAway = async (sentinel: RedisServer) => {
    await watch(sentinel);
    await sentinel.kill();
    return { told: / cannot be reached$/, mend: () => sentinel.start() };
  };
  const unknownName = async (sentinel: RedisServer) => ({
    told: /knows no primary of the name 'voice'$/,
    mend: () => watch(sentinel),
  });
  it.each([
    ['is away', sentinelAway],
    ['does not know its name', unknownName],
  ])('is alone while its Sentinel %s, and joins when it can', async (_, prepare) => {
    const sentinel = await serve('--sentinel');
    const { told, mend } = await prepare(sentinel);
    const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
    const a = await join((options: object) => new Redis({ ...options, sentinels, name: 'voice' }));
    const [line = ''] = warnings;
    expect(line).toMatch(
      new RegExp(`^alone until Redis answers: sentinels 127.0.0.1:${sentinel.port}: `),
    );
    expect(line).toMatch(told);
    await mend();
    await until(() => a.leaseLeftMs > 0, 10_000);
    expect(warnings.join('\n')).not.toMatch(/Stream isn|localhost/);
  });

  it.each([
    ['an address that refuses', '127.0.0.2', /connect ECONNREFUSED 127\.0\.0\.2:\d+$/],
    ['no address', '', /: no connection yet; its nodes have to announce addresses that they have$/],
  ])('is alone while a Cluster announces %s, and joins when it can', async (_, ip, told) => {
    const server = await serve('--cluster-enabled', 'yes');
    const announce = (address: string) =>
      tell(server.port, (client) => client.config('SET', 'cluster-announce-ip', address));
    await tell(server.port, (client) => client.cluster('ADDSLOTSRANGE', 0, 16_383));
    await announce(ip);
    const a = await join((options: object) => clusterClient([server.port], options));
    const [line = ''] = warnings;
    expect(line).toMatch(
      new RegExp(`^alone until Redis answers: Cluster 127.0.0.1:${server.port}: `),
    );
    expect(line).toMatch(told);
    await announce('127.0.0.1');
    await until(() => a.leaseLeftMs > 0, 10_000);
    expect(warnings.join('\n')).not.toMatch(/Stream isn/);
  });

  it('is alone while a Cluster is away', async () => {
    await join((options: object) => clusterClient([1, 2], options));
    expect(warnings[0]).toBe(
      'alone until Redis answers: Cluster 127.0.0.1:1, 127.0.0.1:2: cannot be reached',
    );
  });

  it('is alone while Redis is away, and joins when it answers', async () => {
    proxy.refuse();
    const a = await join(proxy.url);
    expect(warnings.join('\n')).toMatch(/alone until Redis answers/);
    expect(a.leaseLeftMs).toBeLessThan(0);
    proxy.heal();
    await until(() => a.leaseLeftMs > 0);
    expect((await a.nodes()).map(({ name }) => name)).toEqual([a.name]);
  });

  it.each([
    ['maxmemory-policy', ['--maxmemory-policy', 'allkeys-lru'], /maxmemory-policy .* allkeys-lru/],
    ['scripts', ['--rename-command', 'EVALSHA', ''], /does not run the fleet's scripts/],
  ])('that began alone checks the server when it answers: %s', async (_, args, told) => {
    await redis.stop();
    redis = await RedisServer.start(...args);
    const local = await ReplyProxy.to(redis.port);
    local.refuse();
    await join(local.url);
    expect(warnings.join('\n')).not.toMatch(told);
    local.heal();
    await until(() => told.test(warnings.join('\n')));
    await local.stop();
  });

  it('tells each reason once while no heartbeat is answered', async () => {
    const a = await join(proxy.url);
    const told = () => warnings.filter((one) => one.startsWith('no heartbeat'));
    for (let outage = 1; outage <= 2; outage++) {
      proxy.refuse();
      await until(() => a.leaseLeftMs < -2_000);
      expect(told().length).toBeGreaterThan(0);
      expect(new Set(told()).size).toBe(told().length);
      warnings.length = 0;
      proxy.heal();
      await until(() => a.leaseLeftMs > 0);
    }
  });

  it('does not start in the namespace of another fleet', async () => {
    await join(redis.url);
    const secret = 'another secret of another fleet, and long enough';
    await expect(join(redis.url, { secret })).rejects.toThrow(/another fleet, with another secret/);
    await join(redis.url, { secret, namespace: 'other' });
  });

  it('stays alone where it began without Redis, which turns out to be another fleet’s', async () => {
    const a = await join(redis.url);
    proxy.refuse();
    const b = await join(proxy.url, { secret: 'another secret of another fleet, long enough' });
    proxy.heal();
    await until(() => warnings.some((one) => one.startsWith('this node cannot work')));
    expect(b.isDegraded).toBe(true);
    expect([a.problem, b.problem]).toEqual([undefined, expect.stringMatching(/^another fleet/)]);
    expect((await a.nodes()).map(({ name }) => name)).toEqual([a.name]);
  });

  it('leaves in bounded time when Redis is away', async () => {
    const a = await join(proxy.url);
    proxy.cut();
    a.end({ id: 'one', code: 'completed', epoch: 1 });
    const startMs = performance.now();
    await a.leave();
    expect(performance.now() - startMs).toBeLessThan(4_500);
    expect(warnings.join('\n')).toMatch(/left without telling the others/);
  });
});
