import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { countsOf, FleetTestNode } from '../../test/support/fleet-node.js';
import { describeWith } from '../../test/support/needs.js';
import { RedisServer } from '../../test/support/redis-server.js';
import type { RecordedRoom } from './directory-session.js';
import { FleetList } from './fleet-list.js';
import { NOTE } from './scripts/note.script.js';

const SETTINGS = { heartbeatMs: 100, leaseMs: 400, onNodeLoss: 'restart' } as const;
const ROOM: RecordedRoom = { text: '{"args":{"token":"a secret"}}', restarts: false };

describeWith('redis-server')('rooms in the directory of a fleet', () => {
  let redis: RedisServer;
  let nodes: FleetTestNode[];

  const join = async (name: string, options: object = {}) => {
    const node = await FleetTestNode.join(name, redis.url, { ...SETTINGS, ...options });
    nodes.push(node);
    await node.heartbeat.beat();
    return node;
  };

  const open = ({ directory }: FleetTestNode, id: string) =>
    directory.open({ id, transport: 'daily', kind: 'room', ttlMs: 60_000, isConnected: false });

  const claim = async ({ directory }: FleetTestNode, id: string) =>
    directory.claim(id, ['daily', 'livekit']);

  beforeEach(async () => {
    nodes = [];
    redis = await RedisServer.start();
  });
  afterEach(async () => {
    for (const node of nodes) node.die();
    await redis.stop();
  });

  it('are opened while a node that takes rooms has a place that no other waits for', async () => {
    const a = await join('a');
    await expect(open(a, 'one')).rejects.toMatchObject({ code: 'AT_CAPACITY' });
    const b = await join('b', { rooms: 3, places: 3 });
    await b.open('a socket');
    expect(await open(a, 'one')).toBe(0);
    expect(await open(a, 'two')).toBe(0);
    await expect(open(a, 'three')).rejects.toThrow('No node of the fleet has a place');
    a.outbox.add({ id: 'one', code: 'stopped', nonce: 'n' });
    await a.outbox.flushed();
    expect(await open(a, 'three')).toBe(0);
    await a.directory.recordRoom('two', ROOM);
    expect(await claim(b, 'two')).toMatchObject({ outcome: 'claimed' });
    await expect(open(a, 'four')).rejects.toThrow('No node of the fleet has a place');
    const { bySet, byRecord } = await countsOf(a);
    expect(bySet).toEqual(byRecord);
  });

  it('have no place on a node whose lease is over, or that takes none any more', async () => {
    const a = await join('a');
    const b = await join('b', { rooms: 1 });
    await sleep(SETTINGS.leaseMs + 50);
    await expect(open(a, 'one')).rejects.toThrow('No node of the fleet has a place');
    await b.heartbeat.beat();
    expect(await open(a, 'one')).toBe(0);
  });

  it('are claimed once they are set up, by one node, with their room', async () => {
    const [a, b] = [await join('a'), await join('b', { rooms: 1 })];
    await open(a, 'one');
    expect(await claim(b, 'one')).toEqual({ outcome: 'missing' });
    expect(await a.directory.recordRoom('one', ROOM)).toBe(true);
    expect(await b.directory.claim('one', ['websocket'])).toEqual({ outcome: 'missing' });
    expect(await claim(b, 'one')).toMatchObject({
      ...{ kind: 'room', epoch: 1, room: ROOM.text },
      handedForMs: expect.any(Number),
    });
    expect(await claim(a, 'one')).toEqual({ outcome: 'taken' });
    expect(await a.directory.recordRoom('one', ROOM)).toBe(false);
    const { client, prefix } = a.link;
    expect(Object.values(await client.hgetall(`${prefix}s:one`)).join(' ')).not.toContain('secret');
  });

  it('are handed out again while nobody takes them', async () => {
    const [a] = [await join('a'), await join('b', { rooms: 1 })];
    await open(a, 'one');
    await a.directory.recordRoom('one', ROOM);
    await a.heartbeat.beat();
    expect(a.events).toEqual([]);
    await sleep(2_050);
    await a.heartbeat.beat();
    expect(a.events).toEqual(['dispatched one']);
  });

  it('end by what they waited for', async () => {
    const a = await join('a', { dispatchTimeoutMs: 1_000, rooms: 1 });
    await open(a, 'one');
    await a.directory.recordRoom('one', ROOM);
    await sleep(1_050);
    expect(await claim(a, 'one')).toEqual({ outcome: 'expired' });
    await a.heartbeat.beat();
    await a.outbox.flushed();
    expect(a.events).toEqual(['start_failed one']);
  });

  it('wait for another bot when their node is dead, and are no more its own', async () => {
    const a = await join('a', { rooms: 1, dispatchTimeoutMs: 3_000 });
    const b = await join('b', { rooms: 1, dispatchTimeoutMs: 3_000 });
    await open(a, 'one');
    await a.directory.recordRoom('one', { ...ROOM, restarts: true });
    expect(await claim(a, 'one')).toMatchObject({ epoch: 1 });
    const alive = setInterval(() => void b.heartbeat.beat(), 100);
    while (b.events.length === 0) await sleep(20);
    clearInterval(alive);
    expect(b.events).toEqual(['dispatched one']);
    const lateEnd = { id: 'one', code: 'completed', epoch: 1, nonce: 'late' };
    expect(await a.directory.end(lateEnd)).toBe('fenced');
    const session = { id: 'one', transport: 'daily', kind: 'room', ageMs: 9, ttlMs: 0 } as const;
    const back = await a.directory.announce([{ ...session, epoch: 1, room: ROOM }], true);
    expect([...back]).toEqual([['one', 'taken']]);
    expect(await claim(b, 'one')).toMatchObject({ epoch: 3, room: ROOM.text });
    expect(await a.directory.end(lateEnd)).toBe('fenced');
    const { bySet, byRecord } = await countsOf(b);
    expect(bySet).toEqual(byRecord);
    expect(await b.directory.end({ ...lateEnd, epoch: 3 })).toBe('ended');
  });

  it('are handed on by their node, for whichever takes rooms, and are no more its own', async () => {
    const a = await join('a', { rooms: 1 });
    await open(a, 'one');
    await a.directory.recordRoom('one', { ...ROOM, restarts: true });
    await claim(a, 'one');
    await a.link.run(NOTE, 'a', 'one', 'running', 1, 5);
    expect(await a.directory.handOn('one', 1)).toBe(true);
    expect(await a.directory.handOn('one', 1)).toBe(true);
    const { bySet, byRecord } = await countsOf(a);
    expect(bySet).toEqual(byRecord);
    expect(bySet).toMatchObject({ pending: ['one'], idx: ['one'] });
    const lateEnd = { id: 'one', code: 'draining', epoch: 1, nonce: 'late' };
    expect(await a.directory.end(lateEnd)).toBe('fenced');
    const b = await join('b', { rooms: 1 });
    expect(await claim(b, 'one')).toMatchObject({ epoch: 3, room: ROOM.text });
    expect(await new FleetList(b.link).find('one')).toMatchObject({
      state: { name: 'launching' },
      botStartMs: undefined,
    });
    expect(await a.directory.handOn('one', 1)).toBe(true);
    expect(await b.directory.end({ ...lateEnd, epoch: 3 })).toBe('ended');
    expect(await a.directory.handOn('one', 1)).toBe(false);
  });

  it('are handed on once, however often that is said, though a failover has lost their epoch', async () => {
    const a = await join('a', { rooms: 1 });
    await open(a, 'one');
    await a.directory.recordRoom('one', ROOM);
    await claim(a, 'one');
    for (let times = 0; times < 2; times++) {
      expect(await a.directory.handOn('one', 3)).toBe(true);
    }
    expect(await claim(a, 'one')).toMatchObject({ epoch: 5 });
  });

  it('are handed on when Redis was away for all for longer than a lease, though no lease is left', async () => {
    const a = await join('a', { rooms: 1 });
    await open(a, 'one');
    await a.directory.recordRoom('one', { ...ROOM, restarts: true });
    await claim(a, 'one');
    await a.link.client.zadd(`${a.link.prefix}nodes`, 0, 'a');
    expect(await a.directory.handOn('one', 1)).toBe(true);
    expect((await countsOf(a)).bySet).toMatchObject({ pending: ['one'] });
  });

  it('are handed on where the node that has claimed them says so, whatever the one says that was asked', async () => {
    const fails = await join('a', { rooms: 2, onNodeLoss: 'fail' });
    const restarts = await join('b', { rooms: 2 });
    for (const [id, opener, owner] of [
      ['one', fails, restarts],
      ['two', restarts, fails],
    ] as const) {
      await open(opener, id);
      await opener.directory.recordRoom(id, { ...ROOM, restarts: opener === restarts });
      await claim(owner, id);
    }
    expect(await restarts.directory.handOn('one', 1)).toBe(true);
    expect(await fails.directory.handOn('two', 1)).toBe(false);
  });

  it('stay with their node when none takes rooms, or they are not to be restarted', async () => {
    const a = await join('a', { rooms: 2 });
    for (const [id, restarts] of [
      ['one', true],
      ['two', false],
    ] as const) {
      await open(a, id);
      await a.directory.recordRoom(id, ROOM);
      await claim(a, id);
      await a.directory.recordRoom(id, { ...ROOM, restarts });
    }
    expect(await a.directory.handOn('two', 1)).toBe(false);
    await a.link.client.del(`${a.link.prefix}places`);
    expect(await a.directory.handOn('one', 1)).toBe(false);
    expect((await countsOf(a)).bySet).toMatchObject({ 'own:a': ['one', 'two'] });
  });

  it('wait for no other bot once their node has told that it has a later one', async () => {
    const a = await join('a', { rooms: 1 });
    await open(a, 'one');
    await a.directory.recordRoom('one', { ...ROOM, restarts: true });
    await claim(a, 'one');
    await a.directory.handOn('one', 1);
    const session = { id: 'one', transport: 'daily', kind: 'room', ageMs: 9, ttlMs: 0 } as const;
    await a.directory.announce([{ ...session, epoch: 3, room: ROOM }], true);
    const { bySet, byRecord } = await countsOf(a);
    expect(bySet).toEqual(byRecord);
    expect(bySet).toEqual({ idx: ['one'], 'own:a': ['one'] });
  });

  it('are lost when nobody takes them after their node', async () => {
    const a = await join('a', { rooms: 1, dispatchTimeoutMs: 1_000 });
    const b = await join('b', { dispatchTimeoutMs: 1_000 });
    await open(a, 'one');
    await a.directory.recordRoom('one', { ...ROOM, restarts: true });
    await claim(a, 'one');
    const alive = setInterval(() => void b.heartbeat.beat(), 100);
    while (!b.events.includes('lost one')) await sleep(20);
    clearInterval(alive);
    expect(await b.link.client.zcard(`${b.link.prefix}rooms`)).toBe(0);
  });

  it('keep their room in a directory that was emptied', async () => {
    const [a, b] = [await join('a', { rooms: 1 }), await join('b', { rooms: 1 })];
    await open(a, 'one');
    await a.directory.recordRoom('one', { ...ROOM, restarts: true });
    await claim(a, 'one');
    await a.link.client.flushall();
    const session = { id: 'one', transport: 'daily', kind: 'room', ageMs: 9, ttlMs: 0 } as const;
    await a.directory.announce([{ ...session, epoch: 1, room: { ...ROOM, restarts: true } }], true);
    const alive = setInterval(() => void b.heartbeat.beat(), 100);
    while (b.events.length === 0) await sleep(20);
    clearInterval(alive);
    expect(b.events).toEqual(['dispatched one']);
    expect(await claim(b, 'one')).toMatchObject({ epoch: 3, room: ROOM.text });
  });

  it('and names that Redis did not hear of are told with the next announcement, and go with the session', async () => {
    const a = await join('a');
    await a.open('one');
    await a.directory.alias('one', 'known');
    const names = Array.from({ length: 12 }, (_, at) => `name ${at}`);
    for (let times = 0; times < 2; times++) {
      const told = { ...a.owned.get('one')!, room: ROOM, aliases: ['known', ...names] };
      expect([...(await a.directory.announce([told], true)).values()]).toEqual(['kept']);
    }
    expect(await a.directory.read('one')).toMatchObject({ room: ROOM.text });
    // No session has more than ten.
    const owners = await Promise.all(names.map((name) => a.directory.ownersOf(name)));
    expect(owners.filter(([owner]) => owner === 'a')).toHaveLength(9);
    a.end('one');
    await a.outbox.flushed();
    const { client, prefix } = a.link;
    expect(await client.keys(`${prefix}a:*`)).toEqual([]);
  });
});
