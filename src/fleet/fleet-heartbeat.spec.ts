import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeWith } from '../../test/support/needs.js';
import { countsOf, FleetTestNode } from '../../test/support/fleet-node.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { ReplyProxy } from '../../test/support/reply-proxy.js';
import { until } from '../../test/support/until.js';

const BEAT_MS = 100;
const LEASE_MS = 600;

describeWith('redis-server')('a node of a fleet', () => {
  let redis: RedisServer;
  let proxy: ReplyProxy;
  let nodes: FleetTestNode[];
  let warnings: string[];

  const join = async (name: string, options: object = {}, url = redis.url) => {
    const times = { heartbeatMs: BEAT_MS, leaseMs: LEASE_MS };
    const node = await FleetTestNode.join(name, url, { ...times, ...options });
    nodes.push(node);
    return node;
  };
  const joined = async (name: string, options: object = {}, url = redis.url) => {
    const node = await join(name, options, url);
    node.heartbeat.start();
    await until(() => node.heartbeat.leaseLeftMs > 0);
    return node;
  };
  const raw = (node: FleetTestNode) => node.link.client;
  const key = (node: FleetTestNode, name: string) => node.link.prefix + name;
  const allEvents = () => nodes.flatMap(({ events }) => events).sort();
  const noGrace = (node: FleetTestNode) => raw(node).hset(key(node, 'meta'), 'grace', 0);

  beforeAll(async () => {
    redis = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
    proxy = await ReplyProxy.to(redis.port);
  });
  beforeEach(async () => {
    nodes = [];
    warnings = [];
    jest
      .spyOn(Logger.prototype, 'warn')
      .mockImplementation((text: string) => void warnings.push(text));
    jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    const cleaner = await join('cleaner');
    await raw(cleaner).flushall();
    cleaner.die();
  });
  afterEach(() => {
    nodes.forEach((node) => node.die());
    proxy.heal();
    jest.restoreAllMocks();
  });
  afterAll(async () => {
    await proxy.stop();
    await redis.stop();
  });

  it('tells the others where it is, and that it drains', async () => {
    const [a, b] = [await joined('a', { places: 7 }), await joined('b')];
    await a.open('1');
    await a.heartbeat.setState('draining');
    const table = await b.table.nodes();
    expect(table.sort((one, other) => (one.name < other.name ? -1 : 1))).toMatchObject([
      { name: 'a', state: 'draining', maxSessions: 7, sessions: 1, url: 'http://127.0.0.1:3000' },
      { name: 'b', state: 'ready', sessions: 0 },
    ]);
    a.end('1');
    await a.heartbeat.leave();
    expect((await b.table.nodes()).map(({ name }) => name)).toEqual(['b']);
  });

  it('says once that its clock was set, and nothing of a moment', async () => {
    const node = await join('a');
    const now = Date.now.bind(Date);
    let aheadMs = 0;
    jest.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs);
    const told = async (ms: number, beats: number): Promise<string[]> => {
      aheadMs = ms;
      for (let left = beats; left > 0; left--) await node.heartbeat.beat();
      return warnings.splice(0).filter((text) => text.includes('clock'));
    };
    expect(await told(0, 2)).toEqual([]);
    expect(await told(400_000, 1)).toEqual([]);
    expect(await told(0, 2)).toEqual([]);
    expect(await told(400_000, 4)).toEqual([
      expect.stringMatching(/^the clock of this node is (399|400) s ahead of that of Redis/),
    ]);
    expect(await told(0, 4)).toEqual([]);
    expect(await told(-60_000, 4)).toEqual([expect.stringMatching(/ (60|61) s behind that/)]);
  });

  it('is ignored where its record was not signed by the fleet', async () => {
    const a = await joined('a');
    const forged = { url: 'http://evil', state: 'ready', maxSessions: 1, version: '1', records: 1 };
    await raw(a).zadd(key(a, 'nodes'), Date.now() + 60_000, 'forged');
    await raw(a).hset(key(a, 'n:forged'), 'i', JSON.stringify(forged), 'm', 'A'.repeat(43));
    expect((await a.table.nodes()).map(({ name }) => name)).toEqual(['a']);
    await raw(a).hset(key(a, 'n:forged'), 'm', (await raw(a).hget(key(a, 'n:a'), 'm'))!);
    expect((await a.table.nodes()).map(({ name }) => name)).toEqual(['a']);
  });

  it('refuses a namespace that a fleet with another secret uses, until that is gone', async () => {
    const a = await joined('a');
    const b = await join('b', { secret: 'another secret of another fleet, and long enough' });
    await expect(b.heartbeat.beat()).rejects.toThrow(/another fleet, with another secret/);
    const rotated = await join('rotated', {
      secret: [
        'a new secret that is put before the old one',
        'a secret of the fleet, long enough for it',
      ],
    });
    await rotated.heartbeat.beat();
    a.die();
    rotated.die();
    await until(async () => {
      await sleep(LEASE_MS / 4);
      return b.heartbeat.beat().then(
        () => true,
        () => false,
      );
    });
  });

  it('loses its sessions within its lease and two heartbeats, and each is told of once', async () => {
    const [a] = [await joined('a'), await joined('b'), await joined('c')];
    for (const id of ['1', '2', '3']) await a.open(id);
    await sleep(LEASE_MS + BEAT_MS);
    const dead = performance.now();
    a.die();
    const other = nodes.at(-1)!;
    await until(async () => (await countsOf(other)).bySet.lost?.length === 3);
    // Handed out to one node at a time, which may take a moment on a busy machine.
    expect(performance.now() - dead).toBeLessThan(LEASE_MS + 2 * BEAT_MS + 300);
    await until(() => allEvents().length === 3, 3 * LEASE_MS + 5_000);
    await sleep(3 * BEAT_MS);
    expect(allEvents()).toEqual(['lost 1', 'lost 2', 'lost 3']);
    expect((await countsOf(other)).bySet).toEqual({});
    expect((await other.table.nodes()).map(({ name }) => name).sort()).toEqual(['b', 'c']);
  });

  it('has its lease from when it asked for it, however late the answer comes', async () => {
    const node = await join('a', {}, proxy.url);
    const askedAtMs = performance.now();
    proxy.loseNext();
    await node.heartbeat.beat();
    const tookMs = performance.now() - askedAtMs;
    const beganMs = node.heartbeat.leaseLeftMs - LEASE_MS + performance.now() - askedAtMs;
    expect(beganMs).toBeLessThan(tookMs / 2);
  });

  it('gives up at most a third of the nodes within a lease, and says so', async () => {
    // Heartbeats half a lease apart would begin a time of grace.
    const leaseMs = 3 * LEASE_MS;
    const all = await Promise.all('abcdef'.split('').map((name) => join(name, { leaseMs })));
    for (const node of all) {
      await node.heartbeat.beat();
      await node.open(`of ${node.directory.node}`);
    }
    const watcher = all[5]!;
    await noGrace(watcher);
    for (const name of 'abcd') await raw(watcher).zadd(key(watcher, 'nodes'), 0, name);
    await watcher.heartbeat.beat();
    expect((await countsOf(watcher)).bySet.lost).toHaveLength(2);
    await watcher.heartbeat.beat();
    expect((await countsOf(watcher)).bySet.lost).toHaveLength(2);
    expect(warnings.join('\n')).toMatch(/2 more node\(s\) are silent; at most a third/);
    await sleep(leaseMs / 3);
    for (const node of [all[4]!, watcher]) await node.heartbeat.beat();
    await until(async () => {
      await sleep(BEAT_MS);
      for (const node of [all[4]!, watcher]) await node.heartbeat.beat();
      return (await countsOf(watcher)).bySet.lost?.length === 3;
    });
  });

  it('gives nobody up until a lease after nobody was heard, and then does', async () => {
    const [a, b] = [await join('a'), await join('b')];
    for (const node of [a, b]) await node.heartbeat.beat();
    await b.open('1');
    await noGrace(a);
    await sleep(LEASE_MS + BEAT_MS);
    await a.heartbeat.beat();
    expect((await countsOf(a)).bySet.lost).toBeUndefined();
    expect(a.heartbeat.counts?.nodes).toMatchObject({ ready: 2, silent: 0 });
    await until(async () => {
      await sleep(BEAT_MS);
      await a.heartbeat.beat();
      return (await countsOf(a)).bySet.lost?.length === 1;
    });
    expect(a.heartbeat.counts?.nodes).toMatchObject({ ready: 1 });
  });

  it('buries nobody when Redis was frozen for longer than a lease', async () => {
    const all = [await joined('a'), await joined('b'), await joined('c')];
    for (const node of all) await node.open(`of ${node.directory.node}`);
    redis.pause();
    const startMs = performance.now();
    await expect(all[0]!.directory.claim('x', ['t'])).rejects.toThrow(/Redis did not answer claim/);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    await until(() => all[0]!.link.isDegraded);
    await sleep(2 * LEASE_MS);
    expect(all[0]!.heartbeat.leaseLeftMs).toBeLessThan(0);
    redis.resume();
    await until(() => all.every(({ heartbeat }) => heartbeat.leaseLeftMs > 0));
    await sleep(2 * LEASE_MS);
    expect((await countsOf(all[0]!)).bySet).toMatchObject({
      idx: ['of a', 'of b', 'of c'],
      'own:a': ['of a'],
    });
    expect((await countsOf(all[0]!)).bySet.lost).toBeUndefined();
    expect(allEvents()).toEqual([]);
    expect(warnings.join('\n')).not.toMatch(/is silent/);
    await until(() => !all[0]!.link.isDegraded);
  });

  it('announces its sessions to an emptied Redis, and the counts are exact again', async () => {
    const [a, b] = [await joined('a'), await joined('b')];
    for (let at = 0; at < 120; at++) await (at % 2 ? a : b).open(`${at}`);
    await raw(a).flushall();
    await until(async () => (await countsOf(a)).bySet.idx?.length === 120);
    const { bySet, byRecord } = await countsOf(a);
    expect(bySet).toEqual(byRecord);
    expect(bySet['own:a']).toHaveLength(60);
    for (let at = 0; at < 120; at++) (at % 2 ? a : b).end(`${at}`);
    await Promise.all([a.outbox.flushed(), b.outbox.flushed()]);
    expect((await countsOf(a)).bySet).toEqual({});
    expect(allEvents()).toEqual([]);
  });

  it('goes on after Redis was killed, with what it had stored', async () => {
    const [a, b] = [await joined('a'), await joined('b')];
    await a.open('1');
    await a.open('2', { pending: true });
    await redis.kill();
    await expect(a.open('3')).rejects.toThrow(/Redis did not answer open/);
    a.end('1');
    await redis.start();
    await a.outbox.flushed();
    await until(() => a.heartbeat.leaseLeftMs > 0 && b.heartbeat.leaseLeftMs > 0);
    expect(await b.claim('2')).toBe('claimed');
    const { bySet, byRecord } = await countsOf(a);
    expect(bySet).toEqual(byRecord);
    expect(bySet.idx).toEqual(['2']);
  });

  it('has each outcome once, though the answer of any script is lost', async () => {
    const a = await join('a', {}, proxy.url);
    const b = await join('b');
    for (const node of nodes.slice(1)) await node.heartbeat.beat();
    // So that Redis knows all scripts, and what is lost is no answer that it does not.
    await b.open('0', { pending: true });
    await b.claim('0');
    b.end('0');
    await b.outbox.flushed();
    await b.directory.reap('nobody');
    const lost = proxy.lost;
    const loseNext = async (): Promise<void> => {
      // After the client has introduced itself on its new connection.
      await sleep(BEAT_MS);
      proxy.loseNext();
    };
    await loseNext();
    expect(await a.open('1', { pending: true })).toBe(0);
    await loseNext();
    expect(await a.claim('1')).toBe('claimed');
    await loseNext();
    expect(await a.open('2')).toBe(1);
    await loseNext();
    await a.heartbeat.announce();
    await loseNext();
    await a.heartbeat.beat();
    await b.open('3');
    await noGrace(b);
    await raw(b).zadd(key(b, 'nodes'), 0, 'b');
    await loseNext();
    expect(await a.directory.reap('b')).toBeUndefined();
    await loseNext();
    a.end('1');
    await a.outbox.flushed();
    expect(proxy.lost - lost).toBe(7);
    const { bySet, byRecord } = await countsOf(b);
    expect(bySet).toEqual(byRecord);
    expect(bySet).toMatchObject({ idx: ['2'], 'own:a': ['2'], lost: ['3'] });
    expect(await raw(b).llen(key(b, 'hist'))).toBe(2);
  });

  it('ends a session whose claim was carried out, but never answered', async () => {
    const a = await joined('a', {}, proxy.url);
    const b = await join('b');
    await b.open('1', { pending: true });
    proxy.cut();
    await expect(a.claim('1')).rejects.toThrow(/Redis did not answer claim/);
    expect((await countsOf(b)).bySet).toMatchObject({ 'own:a': ['1'] });
    proxy.heal();
    await until(async () => (await countsOf(b)).bySet.idx === undefined);
    expect(await raw(b).lindex(key(b, 'hist'), 0)).toContain('start_failed');
  });

  it('repeats the ends of its sessions until Redis answers', async () => {
    const a = await joined('a', {}, proxy.url);
    const b = await join('b');
    for (let at = 0; at < 70; at++) await a.open(`${at}`);
    proxy.refuse();
    for (let at = 0; at < 70; at++) a.end(`${at}`);
    await sleep(500);
    expect(a.outbox.size).toBe(70);
    proxy.heal();
    await a.outbox.flushed();
    expect(a.outbox.size).toBe(0);
    expect((await countsOf(b)).bySet).toEqual({});
  });

  it('leaves a room alone whose end is on its way, and hands on one that has none', async () => {
    const a = await join('a', { rooms: 2 });
    const room = { text: '{}', restarts: true };
    for (const id of ['ends', 'stopped']) {
      await a.open(id);
      await a.directory.recordRoom(id, room);
    }
    jest.spyOn(a.directory, 'end').mockRejectedValue(new Error('no answer'));
    a.end('ends');
    a.owned.clear();
    for (let beats = 0; beats < 4; beats++) await a.heartbeat.beat();
    expect(a.events).toEqual(['dispatched stopped']);
  });

  it('takes back its sessions when it was cut off and is believed dead', async () => {
    const a = await joined('a', {}, proxy.url);
    const b = await joined('b');
    await joined('c');
    await a.open('1');
    await a.open('2');
    proxy.cut();
    await until(async () => (await countsOf(b)).bySet.lost?.length === 2);
    proxy.heal();
    await until(async () => (await countsOf(b)).bySet.idx?.length === 2);
    const { bySet, byRecord } = await countsOf(b);
    expect(bySet).toEqual(byRecord);
    expect(allEvents()).toEqual([]);
  });

  it('learns of a session that was taken over, and that one was buried', async () => {
    const a = await join('a');
    const b = await join('b');
    await a.open('1');
    await a.open('2');
    await raw(a).hset(key(a, 's:1'), 'o', 'b', 'e', 2);
    await raw(a).del(key(a, 's:2'));
    await raw(a).set(key(a, 't:2'), 'lost n');
    await a.heartbeat.beat();
    await a.heartbeat.announce();
    expect(a.events).toEqual(['taken 1', 'buried 2']);
    expect([...a.owned.keys()]).toEqual(['2']);
    expect(b.events).toEqual([]);
  });

  it('gives up a session that others have ended', async () => {
    const a = await join('a');
    await a.open('1');
    await raw(a).del(key(a, 's:1'));
    await raw(a).set(key(a, 't:1'), 'stopped n');
    await a.heartbeat.beat();
    await a.heartbeat.announce();
    expect([a.events, a.owned.size]).toEqual([['taken 1'], 0]);
  });

  it('tells the end of a session whose claim was never answered', async () => {
    const a = await join('a');
    await a.open('1', { pending: true });
    await a.claim('1');
    a.owned.clear();
    for (let beats = 0; beats < 3; beats++) await a.heartbeat.beat();
    await a.outbox.flushed();
    expect(a.events).toEqual(['start_failed 1']);
    expect((await countsOf(a)).bySet).toEqual({});
  });

  it('tells another fleet nothing', async () => {
    await (await join('a')).heartbeat.beat();
    const other = await join('b', { secret: 'another secret, which is long enough too' });
    await expect(other.heartbeat.beat()).rejects.toThrow('another fleet');
    await other.heartbeat.announce();
    expect(await raw(other).zscore(key(other, 'nodes'), 'b')).toBeNull();
    expect(other.heartbeat.isMember).toBe(false);
  });

  it('ends sessions whose client did not come, each told of by one node', async () => {
    const [a] = [await joined('a'), await joined('b')];
    for (let at = 0; at < 150; at++) await a.open(`${at}`, { pending: true, ttlMs: 50 });
    await a.open('waits', { pending: true });
    await until(() => allEvents().length === 150);
    await sleep(3 * BEAT_MS);
    expect(new Set(allEvents()).size).toBe(150);
    expect(allEvents()).toHaveLength(150);
    expect((await countsOf(a)).bySet.idx).toEqual(['waits']);
  });

  it('announces with its next heartbeat what it could not announce', async () => {
    const a = await joined('a');
    await a.open('one', { pending: true });
    const session = { id: 'one', transport: 'websocket', kind: 'socket' as const };
    a.owned.set('one', { ...session, ageMs: 0, ttlMs: 60_000 });
    await raw(a).del(key(a, 's:one'));
    await raw(a).zrem(key(a, 'pending'), 'one');
    jest.spyOn(a.directory, 'announce').mockRejectedValueOnce(new Error('Command timed out'));
    await a.heartbeat.announce();
    expect(warnings).toEqual(['not announced: Command timed out']);
    await until(async () => (await a.claim('one')) === 'claimed');
  });
});
