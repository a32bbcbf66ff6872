import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeWith } from '../../test/support/needs.js';
import { countsOf, FleetTestNode } from '../../test/support/fleet-node.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { RedisScript } from './redis-script.js';

describeWith('redis-server')('the directory of a fleet', () => {
  let redis: RedisServer;
  let nodes: FleetTestNode[];
  let a: FleetTestNode;
  let b: FleetTestNode;

  const join = async (...args: Parameters<typeof FleetTestNode.join>): Promise<FleetTestNode> => {
    const node = await FleetTestNode.join(...args);
    nodes.push(node);
    return node;
  };

  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  beforeEach(async () => {
    nodes = [];
    a = await join('a', redis.url);
    b = await join('b', redis.url);
    await a.link.client.flushall();
  });
  afterEach(() => nodes.forEach((node) => node.die()));
  afterAll(() => redis.stop());

  const raw = (key: string) => a.link.client.hgetall(`${a.link.prefix}${key}`);
  const isExact = async (): Promise<void> => {
    const { bySet, byRecord } = await countsOf(a);
    expect(bySet).toEqual(byRecord);
  };
  /** Makes a node dead, and all nodes mortal. */
  const bury = async (node: string): Promise<void> => {
    await a.link.client.zadd(`${a.link.prefix}nodes`, 0, node);
    await a.link.client.hset(`${a.link.prefix}meta`, 'grace', 0);
  };

  it('opens a session on one node, and gives it to the first that claims it', async () => {
    expect(await a.open('one', { pending: true })).toBe(0);
    const claim = await b.directory.claim('one', ['websocket']);
    expect(claim).toMatchObject({
      outcome: 'claimed',
      epoch: 1,
      transport: 'websocket',
      kind: 'socket',
      openedBy: 'a',
      data: { of: 'one' },
    });
    expect(await a.claim('one')).toBe('taken');
    expect(await b.claim('one')).toBe('taken');
    await isExact();
  });

  it('gives a session to one of twelve that claim it at once', async () => {
    await a.open('one', { pending: true });
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, at) => (at % 2 ? a : b).claim('one')),
    );
    expect(outcomes.sort()).toEqual(['claimed', ...Array<string>(11).fill('taken')]);
  });

  it('opens and claims once, however often it is repeated', async () => {
    const session = { id: 'one', transport: 'websocket', kind: 'socket', ttlMs: 60_000 } as const;
    expect(await a.directory.open(session, 'o')).toBe(0);
    expect(await a.directory.open(session, 'o')).toBe(0);
    await expect(a.directory.open(session, 'other')).rejects.toThrow(/opened before/);
    const first = await b.directory.claim('one', ['websocket'], 'c');
    expect(await b.directory.claim('one', ['websocket'], 'c')).toEqual(first);
    expect(await a.directory.claim('one', ['websocket'], 'c')).toEqual({ outcome: 'taken' });
    expect(await a.directory.open(session, 'o')).toBe(1);
    await isExact();
  });

  it('refuses a session of another transport, an expired and an unknown one', async () => {
    await a.open('one', { pending: true });
    await a.open('two', { pending: true, ttlMs: 0 });
    expect(await b.directory.claim('one', ['twilio', 'daily'])).toEqual({ outcome: 'missing' });
    expect(await b.claim('two')).toBe('expired');
    expect(await b.claim('three')).toBe('missing');
    expect(await b.directory.claim('one', ['twilio', 'websocket'])).toMatchObject({ epoch: 1 });
  });

  it('refuses a record of a version that it cannot read, and leaves it to others', async () => {
    await a.open('one', { pending: true });
    const key = `${a.link.prefix}s:one`;
    await a.link.client.hset(key, 'v', 9);
    expect(await b.claim('one')).toBe('unreadable');
    await a.link.client.hset(key, 'v', 1);
    expect(await b.claim('one')).toBe('claimed');
  });

  it('counts the sessions of the fleet, of a caller and of a node exactly', async () => {
    const small = await join('small', redis.url, { maxSessions: 4, places: 2 });
    await small.open('1');
    await small.open('2');
    await expect(small.open('3')).rejects.toMatchObject({ code: 'AT_CAPACITY' });
    await small.open('3', { pending: true });
    expect(await small.claim('3')).toBe('node_full');
    expect(await a.claim('3')).toBe('claimed');
    await expect(a.open('4', { callerMax: 3 })).rejects.toThrow(/all 3 sessions that you may hold/);
    await small.open('4', { pending: true });
    await expect(small.open('5', { pending: true })).rejects.toThrow(
      /All 4 sessions of this fleet/,
    );
    small.end('1');
    await small.outbox.flushed();
    await small.open('5', { pending: true });
    await isExact();
  });

  it.each([
    ['added', ['old'], ['old', 'new']],
    ['put first', ['old', 'new'], ['new', 'old']],
    ['left alone', ['new', 'old'], ['new']],
  ])('knows callers and names on all nodes while a new secret is %s', async (_, before, after) => {
    const joined = ([first = '', ...others]: string[]) =>
      join(first, redis.url, {
        secret: [first.padEnd(32), ...others.map((secret) => secret.padEnd(32))],
      });
    const [c, d] = [await joined(before), await joined(after)];
    for (const [at, [opener, other]] of [
      [c, d],
      [d, c],
    ].entries()) {
      await opener!.open(`${at}`);
      await opener!.directory.alias(`${at}`, `room:${at}`);
      const refused = other!.open('more', { callerMax: at + 1 });
      await expect(refused).rejects.toMatchObject({ code: 'AT_CAPACITY' });
      expect(await other!.directory.ownersOf(`room:${at}`)).toEqual([opener!.name]);
    }
    await d.open('third');
    const full = d.directory.adopt('third', { id: 'bob', maxSessions: 0 });
    await expect(full).rejects.toMatchObject({ code: 'AT_CAPACITY' });
    // It is the caller's already.
    await d.directory.adopt('third', { id: 'ada', maxSessions: 3 });
    await isExact();
  });

  it('never exceeds the limit of the fleet, though many nodes open at once', async () => {
    const many = await Promise.all(
      [1, 2, 3].map((at) => join(`n${at}`, redis.url, { maxSessions: 20 })),
    );
    const opened = await Promise.allSettled(
      Array.from({ length: 90 }, (_, at) =>
        many[at % 3]!.open(`s${at}`, { pending: at % 2 === 0 }),
      ),
    );
    expect(opened.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
    await isExact();
  });

  it('ends a session once, by its owner only, and remembers it', async () => {
    await a.open('one', { pending: true });
    await b.claim('one');
    const end = { id: 'one', code: 'completed', nonce: 'n' };
    expect(await a.directory.end(end)).toBe('fenced');
    expect(await a.directory.end({ ...end, epoch: 2 })).toBe('fenced');
    expect(await b.directory.end({ ...end, epoch: 1 })).toBe('ended');
    expect(await b.directory.end({ ...end, epoch: 1 })).toBe('ended');
    expect(await b.directory.end({ ...end, epoch: 1, nonce: 'other' })).toBe('gone');
    const [entry] = await a.link.client.lrange(`${a.link.prefix}hist`, 0, -1);
    expect(JSON.parse(entry!)).toMatchObject({
      id: 'one',
      transport: 'websocket',
      code: 'completed',
    });
    await expect(a.open('one')).rejects.toThrow(/opened before/);
    await isExact();
    expect((await countsOf(a)).bySet).toEqual({});
  });

  it('ends a session that waits for its client for anybody', async () => {
    await a.open('one', { pending: true });
    expect(await b.directory.end({ id: 'one', code: 'stopped', nonce: 'n' })).toBe('ended');
    expect((await countsOf(a)).bySet).toEqual({});
  });

  it('never opens what was ended before, such as after an answer that came too late', async () => {
    expect(await a.directory.end({ id: 'one', code: 'start_failed', nonce: 'n' })).toBe('ended');
    await expect(a.open('one')).rejects.toThrow(/opened before/);
    expect((await countsOf(a)).bySet).toEqual({});
  });

  it('marks the sessions of a dead node as lost, and frees their places', async () => {
    for (const id of ['1', '2', '3']) await a.open(id);
    await a.open('4', { pending: true });
    expect(await b.directory.reap('a')).toBeUndefined();
    await bury('a');
    expect(await b.directory.reap('a')).toEqual({ lost: 3, left: 0, restarted: [] });
    expect(await b.directory.reap('a')).toBeUndefined();
    const { bySet } = await countsOf(a);
    expect(bySet).toMatchObject({ idx: ['4'], pending: ['4'], lost: ['1', '2', '3'] });
    expect(await b.claim('1')).toBe('taken');
    expect(await b.claim('4')).toBe('claimed');
    await isExact();
  });

  it('marks one session as lost before the lease of its node is over, and tells how others ended', async () => {
    for (const id of ['1', '2']) await a.open(id);
    await a.open('3', { pending: true });
    expect(await b.directory.abandon('1')).toBeUndefined();
    expect(await b.directory.abandon('3')).toBeUndefined();
    a.end('2');
    await a.outbox.flushed();
    expect(await b.directory.abandon('2')).toBe('completed');
    expect(await b.directory.abandon('unknown')).toBeUndefined();
    expect((await countsOf(a)).bySet).toMatchObject({ idx: ['3'], pending: ['3'], lost: ['1'] });
    await isExact();
    // Its owner's word wins.
    a.end('1');
    await a.outbox.flushed();
    expect(await b.directory.abandon('1')).toBe('completed');
    await isExact();
  });

  it('reaps at most a hundred sessions at once', async () => {
    for (let at = 0; at < 130; at++) await a.open(`${at}`);
    await bury('a');
    expect(await b.directory.reap('a')).toEqual({ lost: 100, left: 30, restarted: [] });
    expect(await b.directory.reap('a')).toEqual({ lost: 30, left: 0, restarted: [] });
    await isExact();
  });

  it('believes the owner of a lost session that comes back, and its reason of the end', async () => {
    await a.open('1');
    await a.open('2');
    await bury('a');
    await b.directory.reap('a');
    expect(await a.directory.announce([a.owned.get('1')!], true)).toEqual(new Map([['1', 'kept']]));
    a.end('2');
    await a.outbox.flushed();
    const { bySet } = await countsOf(a);
    expect(bySet).toMatchObject({ idx: ['1'], 'own:a': ['1'] });
    expect(bySet.lost).toBeUndefined();
    const lost = { id: '1', code: 'lost', only: 'lost' as const, nonce: 'n' };
    expect(await b.directory.end(lost)).toBe('changed');
    await isExact();
  });

  it('counts a session again whose owner comes back too late, and says that its end was told', async () => {
    await a.open('1');
    await bury('a');
    await b.directory.reap('a');
    const end = { id: '1', code: 'lost', only: 'lost' as const, nonce: 'n' };
    expect(await b.directory.end(end)).toBe('ended');
    expect(await b.directory.end(end)).toBe('ended');
    for (let times = 0; times < 2; times++) {
      const outcome = await a.directory.announce([...a.owned.values()], true);
      expect(outcome).toEqual(new Map([['1', 'buried']]));
    }
    expect((await countsOf(a)).bySet).toMatchObject({ idx: ['1'], 'own:a': ['1'] });
    await isExact();
  });

  it('has no room launched again whose end was told', async () => {
    const waits = { ...{ id: 'room', transport: 'daily', kind: 'room' as const }, ttlMs: 5_000 };
    await a.directory.open({ ...waits, isConnected: true });
    await a.link.client.hset(`${a.link.prefix}places`, 'b', 1);
    const room = { text: '{}', restarts: true };
    await bury('a');
    await b.directory.reap('a');
    const end = { id: 'room', code: 'lost', only: 'lost' as const, nonce: 'n' };
    expect(await b.directory.end(end)).toBe('ended');
    for (let times = 0; times < 2; times++) {
      const outcome = await a.directory.announce([{ ...waits, epoch: 1, ageMs: 9, room }], true);
      expect(outcome).toEqual(new Map([['room', 'buried']]));
      expect(await a.directory.handOn('room', 1)).toBe(false);
    }
    expect(await a.directory.recordRoom('room', room)).toBe(true);
    expect(await a.directory.handOn('room', 1)).toBe(false);
    await isExact();
  });

  it.each(['reap', 'abandon'] as const)(
    'loses no session again whose end was told, for %s',
    async (how) => {
      await a.open('1');
      await a.directory.alias('1', 'its name');
      await bury('a');
      await b.directory.reap('a');
      const end = { id: '1', code: 'lost', only: 'lost' as const, nonce: 'n' };
      expect(await b.directory.end(end)).toBe('ended');
      await a.directory.announce([{ ...a.owned.get('1')!, aliases: ['its name'] }], true);
      await bury('a');
      if (how === 'reap') expect(await b.directory.reap('a')).toMatchObject({ lost: 0, left: 0 });
      else expect(await b.directory.abandon('1')).toBe('lost');
      expect((await countsOf(b)).bySet).toEqual({});
      expect(await b.directory.ownersOf('its name')).toEqual([]);
    },
  );

  it('records no session again that its own node has ended as lost', async () => {
    await a.open('1');
    const end = { id: '1', code: 'lost', epoch: 1, nonce: 'n' };
    expect(await a.directory.end(end)).toBe('ended');
    expect(await a.directory.end(end)).toBe('ended');
    const outcome = await a.directory.announce([...a.owned.values()], true);
    expect(outcome).toEqual(new Map([['1', 'gone']]));
    expect((await countsOf(a)).bySet).toEqual({});
  });

  it('remembers an end for longer that its former owner does not know of', async () => {
    await a.open('own');
    await a.open('lost');
    a.end('own');
    await a.outbox.flushed();
    await bury('a');
    await b.directory.reap('a');
    await b.directory.end({ id: 'lost', code: 'lost', only: 'lost', nonce: 'n' });
    const left = (id: string) => a.link.client.pttl(`${a.link.prefix}t:${id}`);
    expect(await left('own')).toBeLessThanOrEqual(60_000);
    expect(await left('lost')).toBeGreaterThan(60_000);
  });

  it('records announced sessions in an emptied Redis, and ended ones not', async () => {
    await a.open('1');
    await a.open('2');
    const before = [...a.owned.values()];
    await a.link.client.flushall();
    a.end('2');
    await a.outbox.flushed();
    const waiting = { ...before[0]!, id: '3', epoch: undefined, ttlMs: 1_000 };
    for (let times = 0; times < 2; times++) {
      expect(await a.directory.announce([...before, waiting], true)).toEqual(
        new Map([
          ['1', 'kept'],
          ['2', 'gone'],
          ['3', 'kept'],
        ]),
      );
    }
    expect((await countsOf(a)).bySet).toMatchObject({
      idx: ['1', '3'],
      'own:a': ['1'],
      pending: ['3'],
    });
    expect(await b.claim('3')).toBe('claimed');
    await isExact();
  });

  it('does not believe an announcement of what another has claimed meanwhile', async () => {
    await a.open('1', { pending: true });
    await b.claim('1');
    const old = { ...b.owned.get('1')!, epoch: 1 };
    expect(await a.directory.announce([old], true)).toEqual(new Map([['1', 'taken']]));
    expect(await a.directory.announce([{ ...old, epoch: undefined }], true)).toEqual(
      new Map([['1', 'kept']]),
    );
    expect((await countsOf(a)).bySet).toMatchObject({ 'own:b': ['1'] });
    await isExact();
  });

  it('lets an owner end its session whose record has an older epoch of its own, as after a failover', async () => {
    await a.open('one');
    const session = { id: 'one', transport: 'websocket', kind: 'socket' } as const;
    const again = { ...session, epoch: 3, ageMs: 0, ttlMs: 0 };
    expect(await a.directory.announce([again], true)).toEqual(new Map([['one', 'kept']]));
    expect(await raw('s:one')).toMatchObject({ st: 'active', o: 'a', e: '3' });
    const end = { id: 'one', code: 'completed', epoch: 3, nonce: 'end' };
    expect(await a.directory.end(end)).toBe('ended');
    await isExact();
  });

  it('keeps no text of bodies, callers and secrets in Redis', async () => {
    await a.open('1');
    const record = JSON.stringify(await raw('s:1'));
    const keys = await a.link.client.keys('*');
    for (const word of ['"of"', 'ada', Buffer.from('{"of').toString('base64')]) {
      expect(record + keys.join()).not.toContain(word);
    }
  });

  it('refuses a body that is too large before it asks Redis', async () => {
    const session = { id: 'one', transport: 'websocket', kind: 'socket', ttlMs: 1 } as const;
    const data = 'ä'.repeat(8_192);
    await expect(a.directory.open({ ...session, data })).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: expect.stringContaining('16384 bytes') as unknown,
    });
    expect(await a.link.client.dbsize()).toBe(0);
  });

  it('ends a session that was sealed under a secret it does not have', async () => {
    const other = await join('other', redis.url, { secret: 'x'.repeat(32) });
    await other.open('1', { pending: true });
    expect(await a.claim('1')).toBe('unreadable');
    expect((await countsOf(a)).bySet).toEqual({});
  });

  it('loads its scripts again into a server that lost them', async () => {
    await a.link.client.script('FLUSH');
    await a.open('1');
    await isExact();
  });

  it('passes on what else a script fails with', async () => {
    const broken = new RedisScript('broken', 'error("it is broken")');
    await expect(a.link.run(broken)).rejects.toThrow(/Redis did not answer broken: .*it is broken/);
  });
});
