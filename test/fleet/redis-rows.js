// Faults of Redis and its answers, of clocks, and what is in it.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { dumpOf, endedOf, endsOf, keysForGood, silentOf, usageOf } from './checks.js';
import { CONFIDENTIAL, hangUp, inChunks, LEASE_MS, range, talks } from './world.js';

/** Answers that are lost at least. */
const MIN_LOST = 25;

/** Rows by name: options of the world, and what is done in it. Each returns its figures, or throws. */
export const REDIS_ROWS = {
  'redis-stop': {
    title: 'Redis sleeps for 5 s (SIGSTOP)',
    async run(world, { sessions }) {
      const { joined } = await world.converse(sessions);
      await world.exact(sessions);
      world.server.pause();
      const answers = [];
      for (const n of range(10)) {
        answers.push(await world.announce(world.any(), n));
        await sleep(500 - Math.min(500, answers.at(-1).ms));
      }
      world.server.resume();
      const longest = Math.max(...answers.map(({ ms }) => ms));
      assert.ok(longest < 1_500, `an answer took ${longest} ms`);
      const known = new Set(answers.map(({ status }) => status));
      assert.deepEqual(known, new Set([200]), 'answers of starts');
      const healedMs = await world.exact(sessions, answers.length, 15_000);
      const late = await inChunks(answers, 5, (one) => world.joinPatiently(one));
      joined.push(...late.filter(({ body, n }) => body?.n === n));
      await world.exact(sessions + answers.length);
      assert.equal(await silentOf(joined), 0, 'conversations that were cut');
      assert.equal(endedOf(world, joined), 0, 'sessions that were told as ended');
      await hangUp(joined);
      await world.exact(0);
      return {
        'longest answer ms': Math.round(longest),
        'exact after ms': healedMs,
        ...endsOf(world, joined),
      };
    },
  },

  'redis-kill': {
    title: 'kill -9 of Redis with an append-only file, back after 2 s',
    world: () => ({ redisArgs: ['--appendonly', 'yes', '--appendfsync', 'everysec'] }),
    async run(world, { sessions }) {
      const { joined } = await world.converse(sessions);
      const waiting = await inChunks(range(20), 10, (n) => world.announce(world.any(), n));
      await world.exact(sessions, waiting.length);
      // What was written in the last second may be lost.
      await sleep(2_000);
      await world.server.kill();
      await sleep(2_000);
      await world.server.start();
      const healedMs = await world.exact(sessions, waiting.length, 15_000);
      assert.equal(await silentOf(joined), 0, 'conversations that were cut');
      // A node tries to connect once a second at last, and asks nothing for two seconds after its last miss.
      await sleep(3_500);
      const late = await inChunks(waiting, 5, (one) => world.join(world.any(), one));
      const refused = late.filter(({ body, n }) => body?.n !== n);
      assert.deepEqual(
        refused.map(({ code }) => code),
        [],
        'sessions that waited and were refused',
      );
      await hangUp([...joined, ...late]);
      await world.exact(0);
      return {
        'exact after ms': healedMs,
        'waited through it': late.length,
        ...endsOf(world, [...joined, ...late], 'peer_left'),
      };
    },
  },

  'redis-empty': {
    title: 'Redis is emptied',
    async run(world, { sessions }) {
      const { joined } = await world.converse(sessions);
      await world.exact(sessions);
      await world.redis.flushall();
      const healedMs = await world.exact(sessions);
      assert.equal(await silentOf(joined), 0, 'conversations that were cut');
      assert.equal(endedOf(world, joined), 0, 'sessions that were told as ended');
      await hangUp(joined);
      await world.exact(0);
      return { 'exact after ms': healedMs, ...endsOf(world, joined, 'peer_left') };
    },
  },

  answers: {
    title: 'answers of Redis are lost, each with its connection',
    async run(world, { sessions }) {
      const [announced, joined] = [[], []];
      const lose = (everyMs) => {
        for (const { proxy } of world.nodes) proxy.loseEveryMs = everyMs;
      };
      const lostSoFar = () => world.nodes.reduce((sum, { proxy }) => sum + proxy.lost, 0);
      lose(1_100);
      // Any answer can be lost: of openings, claims, ends, notes and heartbeats.
      while (announced.length < sessions || lostSoFar() < MIN_LOST) {
        const some = await world.converse(30, { atOnce: 2, isPatient: false });
        announced.push(...some.announced);
        joined.push(...some.joined);
        await hangUp(some.joined);
        // A node that gave up asks Redis again after a while.
        if (some.joined.length < 30) await sleep(250);
      }
      lose(Infinity);
      const lost = lostSoFar();
      const odd = announced.filter(({ status }) => status !== 200 && status !== 503);
      assert.deepEqual(odd, []);
      const served = joined.filter(({ socket }) => socket);
      assert.equal(served.filter(({ body, n }) => body.n !== n).length, 0);
      const closed = joined.filter(({ code }) => code !== undefined);
      // 1013: come again. Its claim may have been carried out; the session ends then.
      assert.deepEqual([...new Set(closed.map(({ code }) => code))], closed.length ? [1013] : []);
      // Nothing is asked of Redis for two seconds after the last miss, which a try to connect a second later can be.
      await sleep(3_500);
      const late = closed.map(({ id }) => announced.find((one) => one.id === id));
      const again = await inChunks(late, 10, (one) => world.join(world.any(), one));
      const taken = again.filter(({ code }) => code === 4003).length;
      assert.equal(again.filter(({ socket }) => socket).length + taken, closed.length);
      await hangUp(again);
      await world.exact(0, 0, 15_000);
      return {
        'answers lost': lost,
        'starts refused': announced.length - joined.length,
        served: served.length,
        'asked to come again': closed.length,
        'served then': again.length - taken,
        ...endsOf(world, joined),
      };
    },
  },

  clocks: {
    title: 'clocks are a minute wrong, in both directions',
    world: () => ({ clocksMs: [-60_000, 0, 60_000] }),
    async run(world, { sessions }) {
      const { announced, joined } = await world.converse(sessions);
      assert.equal(announced.filter(({ status }) => status === 200).length, sessions);
      assert.equal(joined.filter(({ body, n }) => body?.n === n).length, sessions);
      // Nobody is given up for its clock.
      await sleep(2 * LEASE_MS);
      await world.exact(sessions);
      await hangUp(joined);
      await world.exact(0);
      return { served: joined.length, ...endsOf(world, joined, 'peer_left') };
    },
  },

  forged: {
    title: 'forged records in Redis; its data is read',
    async run(world, { sessions }) {
      const info = JSON.stringify({
        ...{ url: 'http://203.0.113.1', state: 'ready', maxSessions: 9_999, version: '9' },
        records: 1,
      });
      await world.redis.hset(world.key('n:evil'), { i: info, m: 'forged' });
      await world.redis.zadd(world.key('nodes'), Date.now() + 600_000, 'evil');
      const { announced, joined } = await world.converse(sessions);
      assert.equal(joined.filter(({ body, n }) => body?.n === n).length, sessions);
      // A waiting session whose data was replaced is not served, and with another's data neither.
      const [own, other] = await Promise.all([1, 2].map((n) => world.announce(world.any(), n)));
      const data = await world.redis.hget(world.key(`s:${other.id}`), 'b');
      await world.redis.hset(world.key(`s:${own.id}`), 'b', data);
      const cheated = await world.join(world.any(), own);
      assert.equal(cheated.socket, undefined, 'a session with the data of another');
      const dump = await dumpOf(world);
      const tokens = announced.filter(({ token }) => dump.includes(token));
      assert.equal(dump.includes(CONFIDENTIAL), false, 'bodies in Redis');
      assert.equal(tokens.length, 0, 'tokens in Redis');
      await hangUp(joined);
      await world.redis.zrem(world.key('nodes'), 'evil');
      await sleep(500);
      const told = endsOf(world, joined, 'peer_left');
      return { served: joined.length, 'bytes looked through': dump.length, ...told };
    },
  },

  idle: {
    title: 'three times as many sessions do nothing, and a tenth speaks',
    async run(world, { sessions, seconds }) {
      const speaking = Math.ceil(sessions / 10);
      const all = 3 * sessions + speaking;
      const { joined } = await world.converse(all);
      await world.exact(all);
      await sleep(2 * LEASE_MS);
      const known = new Set(await world.keys('*'));
      const before = await usageOf(world);
      const endMs = performance.now() + seconds * 1_000;
      const speakers = joined.slice(0, speaking).map((one) => speak(one, endMs));
      const heard = (await Promise.all(speakers)).reduce((sum, words) => sum + words, 0);
      const after = await usageOf(world);
      const ended = joined.flatMap(({ id }) => world.ends.get(id) ?? []);
      assert.deepEqual(ended, [], 'ends of sessions');
      const added = (await world.keys('*')).filter((one) => !known.has(one));
      // A busy machine makes a node overloaded for a while.
      const unexpected = added.filter((one) => one !== world.key('nodes:overloaded'));
      assert.deepEqual(unexpected, [], 'keys');
      const more = after.bytes - before.bytes;
      assert.ok(more < 500_000, `memory rose by ${more}`);
      assert.equal(await silentOf(joined), 0, 'conversations that were cut');
      await hangUp(joined);
      await world.exact(0);
      const forGood = await keysForGood(world);
      const expected = ['hist', 'meta', 'most', 'nodes', 'nodes:ready'];
      assert.deepEqual(forGood, expected, 'keys without an end');
      return {
        ...{ sessions: all, speaking, 'words heard': heard, minutes: seconds / 60 },
        'commands a second': Math.round((after.commands - before.commands) / seconds),
        'µs of Redis a second': Math.round((after.cpuUs - before.cpuUs) / seconds),
        'KB a session': Number((after.bytes / 1_024 / all).toFixed(1)),
        'bytes more': more,
        ...endsOf(world, joined, 'peer_left'),
      };
    },
  },
};

/** Has a conversation go on, a word every 0.5 s. @returns the words that were answered, each of them */
async function speak(one, endMs) {
  for (let words = 0; ; words++) {
    if (performance.now() > endMs) return words;
    assert.ok(await talks(one, 10_000), 'a word was not answered');
    await sleep(500);
  }
}
