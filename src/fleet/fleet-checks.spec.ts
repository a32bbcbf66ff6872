import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { readdir, readFile } from 'node:fs/promises';
import { handOver } from '../../test/support/hand-over.js';
import { describeWith } from '../../test/support/needs.js';
import { FLEET_SECRET, FleetTestNode } from '../../test/support/fleet-node.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { until } from '../../test/support/until.js';
import { checkFleet } from './fleet-checks.js';
import { FleetSecrets } from './fleet-secrets.js';
import { type RedisFleetOptions, resolveFleetSettings } from './redis-fleet.options.js';
import { clientOf } from './redis-link.js';
import { RoomQueue } from './room-queue.js';
import { FLEET_COMMANDS, QUEUE_COMMANDS } from './scripts/rights.script.js';

const GIVEN = { redis: 'redis://localhost', secret: FLEET_SECRET, advertiseUrl: 'http://10.0.0.7' };

describe('the settings of a fleet', () => {
  it('have defaults', () => {
    expect(resolveFleetSettings(GIVEN)).toMatchObject({ heartbeatMs: 2_000, leaseMs: 10_000 });
    for (const advertiseUrl of [
      'http://10.0.0.7:3000/',
      'https://pod-7.voice',
      'http://[::1]:3000',
    ]) {
      expect(resolveFleetSettings({ ...GIVEN, advertiseUrl })).toMatchObject({ advertiseUrl });
    }
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
    [
      'the prefix of the application in the address',
      { advertiseUrl: 'http://10.0.0.7:3000/voice' },
      /advertiseUrl must be the address alone, such as http:.*, without the path '\/voice': the runner adds /,
    ],
    [
      'a query and a fragment in the address',
      { advertiseUrl: 'http://10.0.0.7:3000/?a=1#b' },
      /advertiseUrl must be the address alone.* without the query, fragment:/,
    ],
    [
      'a password in the address, which is not told',
      { advertiseUrl: 'http://ada:secret@10.0.0.7:3000' },
      /^(?!.*ada:secret).*advertiseUrl must be the address alone.* without the credentials:/s,
    ],
    ['braces', { namespace: 'a{b}' }, /namespace must have 1 to 64 letters/],
    ['a short lease', { leaseMs: 5_000 }, /leaseMs must be .* at least three heartbeats: 6000/],
    ['an unknown one', { leaseMS: 1 }, /leaseMS is not an option; .* did you mean leaseMs\?/],
  ])('are refused with %s', (_, wrong, message) => {
    expect(() => resolveFleetSettings({ ...GIVEN, ...wrong })).toThrow(message);
  });
});

describe('a function that makes clients of Redis', () => {
  it.each([undefined, {}, 'redis://localhost'])('is refused when it returns %j', async (made) => {
    const redis = (): never => made as never;
    await expect(clientOf({ redis }, {})).rejects.toThrow(
      /redis must return a client of ioredis, such as .*, not (undefined|an object|a string)/,
    );
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
    await expect(limited.check()).rejects.toThrow(
      'Redis does not let its user run EVALSHA: give it +@read +@write +eval +evalsha +info +time +client|setname on the keys pipecat:{test}:*',
    );
  });

  /** Returns the URL of a user that may do no more than this. */
  const limited = async (url: string, ...rights: string[]): Promise<string> => {
    const admin = new Redis(url);
    await admin.call('ACL', 'SETUSER', 'ada', 'reset', 'on', '>pw', ...rights);
    admin.disconnect();
    return url.replace('//', '//ada:pw@');
  };
  const DOCUMENTED = '+@read +@write +eval +evalsha +info +time +client|setname'.split(' ');

  it('let a user in that has the documented rights, for sessions and rooms', async () => {
    const url = await limited(await serve(), '~pipecat:{test}:*', ...DOCUMENTED);
    const { node, check: checks } = await check(url);
    expect(await checks()).toEqual([]);
    await node.heartbeat.beat();
    await node.open('one');
    await node.heartbeat.leave();
    const rooms = await RoomQueue.create({ redis: url, namespace: 'test' });
    started.unshift({ stop: () => rooms.close() });
    await handOver(rooms);
  });

  it.each([
    ['EXISTS', '-exists'],
    ['INFO', '-info'],
    ['TIME', '-time'],
    ['EVAL', '-eval'],
    ['ZADD, LPUSH', '-zadd', '-lpush'],
  ])('name %s, which a user may not run', async (command, ...denied) => {
    const url = await limited(await serve(), '~pipecat:{test}:*', ...DOCUMENTED, ...denied);
    await expect((await check(url)).check()).rejects.toThrow(
      `Redis does not let its user run ${command}: give it +@read +@write +eval`,
    );
  });

  it('name what BullMQ needs only where it hands rooms over', async () => {
    const rights = [...DOCUMENTED, '-incr', '-xtrim'];
    const url = await limited(await serve(), '~pipecat:{test}:*', ...rights);
    const { node, check: checks } = await check(url);
    expect(await checks()).toEqual([]);
    await expect(checkFleet(node.link, node.directory, node.table, true)).rejects.toThrow(
      'Redis does not let its user run INCR, XTRIM: give it',
    );
  });

  it.each([
    ['BZPOPMIN', '-bzpopmin'],
    ['BZPOPMIN', '-@blocking'],
    ['LPOS, RPUSH', '-lpos', '-rpush'],
  ])('name %s, which only BullMQ sends: %j', async (command, ...denied) => {
    const url = await limited(await serve(), '~pipecat:{test}:*', ...DOCUMENTED, ...denied);
    const { node, check: checks } = await check(url);
    expect(await checks()).toEqual([]);
    await expect(checkFleet(node.link, node.directory, node.table, true)).rejects.toThrow(
      `Redis does not let its user run ${command}: give it`,
    );
  });

  it('name EVAL also where the server knows the scripts already', async () => {
    const url = await serve();
    await (await check(url)).check();
    const rights = ['~pipecat:{test}:*', ...DOCUMENTED, '-eval'];
    await expect((await check(await limited(url, ...rights))).check()).rejects.toThrow(
      'Redis does not let its user run EVAL: give it',
    );
  });

  it('refuse a user of other keys', async () => {
    const url = await limited(await serve(), '~voice:*', ...DOCUMENTED);
    await expect((await check(url)).check()).rejects.toThrow(
      /does not run the fleet's scripts: its user needs .* on the keys pipecat:{test}:\*: /,
    );
  });

  it('try every command that the scripts run', async () => {
    const folder = new URL('scripts/', import.meta.url);
    const files = (await readdir(folder)).map((name) => new URL(name, folder));
    const texts = [...files, new URL('redis-script.ts', import.meta.url)].map((file) =>
      readFile(file, 'utf8'),
    );
    const run = (await Promise.all(texts)).join('\n').matchAll(/redis\.call\('([A-Z]+)'/g);
    const tried = new Set(FLEET_COMMANDS.map((command) => command.split(' ')[0]));
    const missing = [...run].map(([, name]) => name).filter((name) => !tried.has(name));
    expect(new Set(missing)).toEqual(new Set(['DEL']));
  });

  it.each([
    ['6', undefined],
    // Its types are those of another package.
    ['5', async () => (await import('bullmq-5')) as never],
  ])('try every command that BullMQ %s sends', async (_, load) => {
    const url = await serve();
    const sent = new Set<string>();
    const admin = new Redis(url);
    const monitor = await admin.monitor();
    started.unshift(...[monitor, admin].map((client) => ({ stop: () => client.disconnect() })));
    monitor.on('monitor', (_at: string, [name = '']: string[]) => sent.add(name.toUpperCase()));
    const rooms = await RoomQueue.create({ redis: url, namespace: 'test' }, load);
    started.unshift({ stop: () => rooms.close() });
    // It waits for the next one once there was none.
    expect(await rooms.next()).toBeUndefined();
    const first = rooms.next();
    await until(async () => / flags=b /.test(String(await admin.client('LIST'))));
    await rooms.add('one');
    await rooms.add('one');
    await (await first)?.giveBack();
    await (await rooms.next())?.done();
    const tried = [...FLEET_COMMANDS, ...QUEUE_COMMANDS].map((command) => command.split(' ')[0]);
    const others = ['BZPOPMIN', 'DEL', 'EVAL', 'EVALSHA', 'INFO'];
    // It works without a name, and a user needs no right for HELLO.
    const known = new Set([...tried, ...others, 'CLIENT', 'HELLO']);
    expect([...sent].filter((name) => !known.has(name))).toEqual([]);
  });

  it('refuse a client with a prefix, and one that waits', async () => {
    const url = await serve();
    const prefixed = await check((options) => new Redis(url, { ...options, keyPrefix: 'x:' }));
    await expect(prefixed.check()).rejects.toThrow(/redis has a keyPrefix/);
    const patient = await check(() => new Redis(url, { lazyConnect: true }));
    await expect(patient.check()).rejects.toThrow(/would wait for a server that is away/);
  });
});
