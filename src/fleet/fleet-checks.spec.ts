import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { describeWith } from '../../test/support/needs.js';
import { FLEET_SECRET, FleetTestNode } from '../../test/support/fleet-node.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { checkFleet } from './fleet-checks.js';
import { FleetSecrets } from './fleet-secrets.js';
import { type RedisFleetOptions, resolveFleetSettings } from './redis-fleet.options.js';

const GIVEN = { redis: 'redis://localhost', secret: FLEET_SECRET, advertiseUrl: 'http://10.0.0.7' };

describe('the settings of a fleet', () => {
  it('have defaults', () => {
    expect(resolveFleetSettings(GIVEN)).toMatchObject({ heartbeatMs: 2_000, leaseMs: 10_000 });
    const two = { ...GIVEN, secret: [FLEET_SECRET, 'x'.repeat(32)] };
    expect(resolveFleetSettings(two)).toMatchObject(two);
  });

  it.each<[string, object, RegExp]>([
    ['no secret', { secret: undefined }, /secret must have at least 32 characters/],
    ['a short secret', { secret: 'secret' }, /secret must have at least 32 characters/],
    [
      'a list with a short one',
      { secret: [FLEET_SECRET, 'x'] },
      /be a list of 1 to 5 such secrets/,
    ],
    ['an empty list', { secret: [] }, /be a list of 1 to 5 such secrets/],
    ['no Redis', { redis: undefined }, /redis must be a URL such as redis:/],
    ['a client', { redis: new Redis({ lazyConnect: true }) }, /redis must be .* not a client/],
    ['a foreign URL', { redis: 'http://localhost' }, /redis must be a URL such as redis:/],
    ['no address', { advertiseUrl: undefined }, /advertiseUrl must be a URL such as http:/],
    [
      'an unset variable in the address',
      { advertiseUrl: `http://${process.env.NOT_SET}:3000` },
      /advertiseUrl must be a URL such as http:.* not 'http:\/\/undefined:3000'/,
    ],
    [
      'an address that is none',
      { advertiseUrl: 'http://0.0.0.0:3000' },
      /advertiseUrl must be .* not 'http:\/\/0\.0\.0\.0:3000'/,
    ],
    ['braces', { namespace: 'a{b}' }, /namespace must have 1 to 64 letters/],
    ['a short lease', { leaseMs: 5_000 }, /leaseMs must be .* at least three heartbeats: 6000/],
    ['an unknown one', { leaseMS: 1 }, /leaseMS is not an option; .* did you mean leaseMs\?/],
  ])('are refused with %s', (_, wrong, message) => {
    expect(() => resolveFleetSettings({ ...GIVEN, ...wrong })).toThrow(message);
  });
});

describeWith('redis-server')('the checks of a fleet at start-up', () => {
  const started: { stop(): unknown }[] = [];

  const serve = async (...args: string[]): Promise<string> => {
    const redis = await RedisServer.start(...args);
    started.push(redis);
    return redis.url;
  };
  const check = async (redis: RedisFleetOptions['redis']) => {
    const node = await FleetTestNode.join('a', redis);
    started.unshift({ stop: () => node.die() });
    return { node, check: () => checkFleet(node.link, node.directory, node.table) };
  };

  afterEach(async () => {
    jest.restoreAllMocks();
    for (const one of started.splice(0)) await one.stop();
  });

  it('say nothing about a server as it should be, and change nothing on it', async () => {
    const { node, check: checks } = await check(await serve());
    expect(await checks()).toEqual([]);
    expect(await node.link.client.dbsize()).toBe(0);
  });

  it('warn of a server that drops keys', async () => {
    const url = await serve('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');
    expect(await (await check(url)).check()).toEqual([
      'maxmemory-policy of Redis is allkeys-lru, which can drop sessions: set it to noeviction',
    ]);
  });

  it('warn of clocks that are apart', async () => {
    const { check: checks } = await check(await serve());
    const now = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => now() + 60_000);
    expect(await checks()).toEqual([
      expect.stringMatching(/^the clock of this node is (59|60|61) s ahead of that of Redis/),
    ]);
    jest.spyOn(Date, 'now').mockImplementation(() => now() - 60_000);
    expect(await checks()).toEqual([expect.stringMatching(/ (59|60|61) s behind that of Redis/)]);
  });

  it('warn of nodes whose sessions cannot be claimed here', async () => {
    const { node, check: checks } = await check(await serve());
    const { client, prefix } = node.link;
    const info = { url: 'http://b', state: 'ready', maxSessions: 1, version: '9.0.0', records: 3 };
    const text = JSON.stringify(info);
    await client.zadd(`${prefix}nodes`, 1, 'b');
    const mac = new FleetSecrets([FLEET_SECRET]).signNode('b', text);
    await client.hset(`${prefix}n:b`, 'i', text, 'm', mac);
    expect(await checks()).toEqual([
      expect.stringMatching(
        /^1 node\(s\) of version 9\.0\.0 write sessions that this one cannot claim/,
      ),
    ]);
  });

  it('refuse a node of a Cluster behind a client for one server', async () => {
    const { check: checks } = await check(await serve('--cluster-enabled', 'yes'));
    await expect(checks()).rejects.toThrow(/give a function that makes a Cluster client/);
  });

  it('refuse a server that is too old', async () => {
    const { node, check: checks } = await check(await serve());
    jest.spyOn(node.link.client, 'info').mockResolvedValue('redis_version:6.0.16\r\n');
    await expect(checks()).rejects.toThrow('Redis 6.0.16 is too old: a fleet needs Redis 6.2');
  });

  it('refuse a user that may not run scripts', async () => {
    const url = await serve();
    const { node } = await check(url);
    await node.link.client.call('ACL', 'SETUSER', 'ada', 'on', '>pw', '~*', '+@all', '-@scripting');
    const limited = await check(url.replace('//', '//ada:pw@'));
    await expect(limited.check()).rejects.toThrow(/its user needs EVAL, EVALSHA and the keys/);
  });

  it('refuse a client with a prefix, and one that waits', async () => {
    const url = await serve();
    const prefixed = await check((options) => new Redis(url, { ...options, keyPrefix: 'x:' }));
    await expect(prefixed.check()).rejects.toThrow(/redis has a keyPrefix/);
    const patient = await check(() => new Redis(url, { lazyConnect: true }));
    await expect(patient.check()).rejects.toThrow(/would wait for a server that is away/);
  });
});
