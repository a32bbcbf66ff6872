// What a fleet must hold: one row for each fault, at the number of sessions that is given. Each returns its figures, or throws.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BEAT_MS,
  CONFIDENTIAL,
  hangUp,
  inChunks,
  LEASE_MS,
  percentile,
  range,
  talks,
} from './world.js';

/** Rows by name: options of the world, and what is done in it. */
export const ROWS = {
  none: {
    title: 'no fault, any node for anything',
    async run(world, { sessions }) {
      const { announced, joined } = await world.converse(sessions);
      const wrong = joined.filter(({ body, n }) => body?.n !== n);
      assert.deepEqual([joined.length, wrong.length], [sessions, 0]);
      const replays = await inChunks(announced, 25, (one) => world.join(world.any(), one));
      const letIn = replays.filter(({ code }) => code !== 4003).length;
      assert.equal(letIn, 0, 'tokens that were taken twice');
      await world.exact(sessions);
      await hangUp(joined);
      await world.exact(0);
      const ends = endsOf(world, joined, 'peer_left');
      return {
        served: joined.length,
        'asked to come again': world.again,
        'replays let in': letIn,
        'start p99 ms': percentile(announced, 0.99),
        'until the first word p99 ms': percentile(joined, 0.99),
        ...ends,
      };
    },
  },

  claimers: {
    title: '12 clients for each session, 3 nodes at the limit of the fleet',
    world: ({ sessions }) => ({ fleet: { maxSessions: limitOf(sessions) } }),
    async run(world, { sessions }) {
      const limit = limitOf(sessions);
      let highest = 0;
      let isOver = false;
      const watching = (async () => {
        while (!isOver) highest = Math.max(highest, await world.redis.zcard(world.key('idx')));
      })();
      // It ends with the connection where the row fails.
      watching.catch(() => undefined);
      const announced = await inChunks(range(3 * limit), 50, (n) => world.announcePatiently(n));
      const open = announced.filter(({ status }) => status === 200);
      assert.equal(open.length, limit, 'sessions that were admitted');
      const refused = announced.filter(({ status }) => status === 429).length;
      assert.equal(refused, 2 * limit);
      const joined = await inChunks(open, 4, (one) =>
        Promise.all(range(12).map(() => world.join(world.any(), one))),
      );
      const winners = joined.map((all) => all.filter(({ socket }) => socket).length);
      assert.deepEqual(new Set(winners), new Set([1]), 'winners of a session');
      await world.exact(limit);
      isOver = true;
      await watching;
      assert.ok(highest <= limit, `${highest} sessions at once`);
      const won = joined.flat().filter(({ socket }) => socket);
      await hangUp(won);
      await world.exact(0);
      return { limit, 'most at once': highest, claims: 12 * limit, ...endsOf(world, won) };
    },
  },

  kill: {
    title: 'kill -9 of a node',
    async run(world, { sessions }) {
      const { joined } = await world.converse(sessions);
      await world.exact(sessions);
      const [dead] = world.nodes;
      const theirs = joined.filter(({ node }) => node === dead);
      const others = joined.filter(({ node }) => node !== dead);
      dead.child.kill('SIGKILL');
      await once(dead.child, 'exit');
      const freeMs = await world.exact(others.length, 0, LEASE_MS + 4 * BEAT_MS + 2_000);
      // A loss is told when the node could have come back, three leases later.
      const toldMs = await untilEnded(world, theirs, 4 * LEASE_MS + 4_000);
      const lost = endsOf(world, theirs, 'lost');
      assert.equal(await silentOf(others), 0, 'conversations of others that were cut');
      await hangUp(others);
      await world.exact(0);
      endsOf(world, others, 'peer_left');
      return { lost: lost.ended, 'places free after ms': freeMs, 'told after ms': freeMs + toldMs };
    },
  },

  stop: {
    title: 'a node sleeps for two leases (SIGSTOP)',
    async run(world, { sessions }) {
      const { joined } = await world.converse(sessions);
      await world.exact(sessions);
      const [sleeper] = world.nodes;
      const theirs = joined.filter(({ node }) => node === sleeper);
      sleeper.child.kill('SIGSTOP');
      await world.exact(sessions - theirs.length, 0, 2 * LEASE_MS);
      await sleep(2 * LEASE_MS - LEASE_MS);
      sleeper.child.kill('SIGCONT');
      const healedMs = await world.exact(sessions);
      assert.equal(await silentOf(joined), 0, 'conversations that were cut');
      assert.equal(endedOf(world, joined), 0, 'sessions that were told as ended');
      await hangUp(joined);
      await world.exact(0);
      return { slept: theirs.length, 'exact after ms': healedMs, ...endsOf(world, joined) };
    },
  },

  cut: {
    title: 'one node is cut from Redis for two leases',
    async run(world, { sessions }) {
      const { joined } = await world.converse(sessions);
      await world.exact(sessions);
      const [lonely, ...others] = world.nodes;
      lonely.proxy.cut();
      await sleep(2 * LEASE_MS);
      const during = await inChunks(range(20), 5, (n) => world.announce(lonely, n));
      assert.deepEqual(new Set(during.map(({ status }) => status)), new Set([503]));
      const longest = Math.max(...during.map(({ ms }) => ms));
      assert.ok(longest < 1_500, `an answer took ${longest} ms`);
      const elsewhere = await world.converse(20, { nodes: others });
      assert.equal(elsewhere.joined.filter(({ socket }) => socket).length, 20);
      await hangUp(elsewhere.joined);
      assert.equal(await silentOf(joined), 0, 'conversations that were cut');
      lonely.proxy.heal();
      const healedMs = await world.exact(sessions);
      assert.equal(endedOf(world, joined), 0, 'sessions that were told as ended');
      await hangUp(joined);
      await world.exact(0);
      return {
        'exact after ms': healedMs,
        'longest refusal ms': Math.round(longest),
        ...endsOf(world, joined),
      };
    },
  },

  half: {
    title: 'two of four nodes are cut from Redis for three leases',
    world: () => ({ nodes: 4 }),
    async run(world, { sessions }) {
      const { joined } = await world.converse(sessions);
      await world.exact(sessions);
      const cut = world.nodes.slice(0, 2);
      for (const { proxy } of cut) proxy.cut();
      await sleep(3 * LEASE_MS);
      for (const { proxy } of cut) proxy.heal();
      const healedMs = await world.exact(sessions);
      assert.equal(await silentOf(joined), 0, 'conversations that were cut');
      await hangUp(joined);
      await world.exact(0);
      return { 'exact after ms': healedMs, ...endsOf(world, joined, 'peer_left') };
    },
  },

  'redis-stop': {
    title: 'Redis sleeps for 5 s (SIGSTOP)',
    async run(world, { sessions }) {
      const { joined } = await world.converse(sessions);
      await world.exact(sessions);
      world.server.kill('SIGSTOP');
      const answers = [];
      for (const n of range(10)) {
        answers.push(await world.announce(world.any(), n));
        await sleep(500 - Math.min(500, answers.at(-1).ms));
      }
      world.server.kill('SIGCONT');
      const longest = Math.max(...answers.map(({ ms }) => ms));
      assert.ok(longest < 1_500, `an answer took ${longest} ms`);
      const known = new Set(answers.map(({ status }) => status));
      assert.deepEqual(known, new Set([503]), 'answers of starts');
      const healedMs = await world.exact(sessions, 0, 15_000);
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
      world.server.kill('SIGKILL');
      await once(world.server, 'exit');
      await sleep(2_000);
      await world.startRedis();
      const healedMs = await world.exact(sessions, waiting.length, 15_000);
      assert.equal(await silentOf(joined), 0, 'conversations that were cut');
      await sleep(2_500);
      const late = await inChunks(waiting, 5, (one) => world.join(world.any(), one));
      assert.equal(late.filter(({ body, n }) => body?.n === n).length, waiting.length);
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
      // Nothing is asked of Redis for two seconds after the last miss.
      await sleep(2_500);
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

  rolling: {
    title: 'each node is shut down and started again, while calls come',
    async run(world, { sessions }) {
      const count = Math.ceil(sessions / 4);
      const { joined } = await world.converse(count);
      const waiting = await inChunks(range(count), 25, (n) => world.announce(world.any(), n));
      let refusals = 0;
      const all = [...joined];
      for (const { at, child } of world.nodes) {
        const others = world.nodes.filter((one) => one.at !== at);
        const theirs = all.filter(({ node }) => node.at === at && node.child === child);
        child.kill('SIGTERM');
        await sleep(500);
        assert.equal(await silentOf(theirs), 0, 'conversations that were cut before the time');
        const more = await world.converse(Math.ceil(count / 3), {
          nodes: others,
        });
        refusals += more.announced.filter(({ status }) => status !== 200).length;
        refusals += more.joined.filter(({ socket }) => !socket).length;
        all.push(...more.joined.filter(({ socket }) => socket));
        await hangUp(theirs);
        if (child.exitCode === null) await once(child, 'exit');
        assert.equal(child.exitCode, 0);
        await world.startNode(at);
      }
      assert.equal(refusals, 0);
      const late = await inChunks(waiting, 25, (one) => world.join(world.any(), one));
      assert.equal(late.filter(({ body, n }) => body?.n === n).length, count, 'announced before');
      await hangUp([...all, ...late]);
      await world.exact(0);
      return {
        'announced before and served after': late.length,
        refusals,
        ...endsOf(world, [...all, ...late], 'peer_left'),
      };
    },
  },

  idle: {
    title: 'three times as many sessions do nothing',
    async run(world, { sessions, seconds }) {
      const { joined } = await world.converse(3 * sessions);
      await world.exact(3 * sessions);
      await sleep(2 * LEASE_MS);
      const before = await usageOf(world);
      await sleep(seconds * 1_000);
      const after = await usageOf(world);
      assert.equal(after.keys, before.keys, 'keys');
      assert.ok(
        after.bytes - before.bytes < 500_000,
        `memory rose by ${after.bytes - before.bytes}`,
      );
      assert.equal(await silentOf(joined.slice(0, 100)), 0);
      await hangUp(joined);
      await world.exact(0);
      const forGood = await keysForGood(world);
      assert.deepEqual(forGood, ['hist', 'meta', 'nodes', 'nodes:ready'], 'keys without an end');
      return {
        sessions: 3 * sessions,
        'commands a second': Math.round((after.commands - before.commands) / seconds),
        'µs of Redis a second': Math.round((after.cpuUs - before.cpuUs) / seconds),
        'KB a session': Number((after.bytes / 1_024 / 3 / sessions).toFixed(1)),
        'bytes more': after.bytes - before.bytes,
        ...endsOf(world, joined, 'peer_left'),
      };
    },
  },
};

/** Answers that are lost at least. */
const MIN_LOST = 25;

const limitOf = (sessions) => Math.ceil(sessions / 5);

/** Asserts that each session has ended once, with a code if one is given. */
function endsOf(world, joined, code) {
  const ids = joined.map(({ id }) => id);
  const told = ids.map((id) => world.ends.get(id) ?? []);
  const twice = told.filter((codes) => codes.length > 1).length;
  const never = told.filter((codes) => codes.length === 0).length;
  assert.deepEqual({ twice, never }, { twice: 0, never: 0 }, 'ends of sessions');
  if (code) assert.deepEqual(new Set(told.flat()), new Set([code]), 'codes');
  return { ended: told.length, 'told twice': twice };
}

const endedOf = (world, joined) => joined.filter(({ id }) => world.ends.has(id)).length;

async function silentOf(joined) {
  const heard = await inChunks(joined, 100, (one) => talks(one));
  return heard.filter((hears) => !hears).length;
}

async function untilEnded(world, joined, withinMs) {
  const begunMs = performance.now();
  while (endedOf(world, joined) < joined.length) {
    if (performance.now() - begunMs > withinMs) break;
    await sleep(50);
  }
  return Math.round(performance.now() - begunMs);
}

/** All that Redis has, as text. */
async function dumpOf({ redis }) {
  const keys = await redis.keys('*');
  const values = await inChunks(keys, 100, async (key) => {
    const read = {
      string: () => redis.get(key),
      hash: () => redis.hgetall(key),
      list: () => redis.lrange(key, 0, -1),
      set: () => redis.smembers(key),
      zset: () => redis.zrange(key, 0, -1),
    }[await redis.type(key)];
    return JSON.stringify([key, await read?.()]);
  });
  return values.join('\n');
}

/** Kinds of keys that stay until they are removed; `n:` are the nodes that are there. */
async function keysForGood(world) {
  const { redis } = world;
  const prefix = world.key('');
  const keys = (await redis.keys('*')).filter((one) => !one.startsWith(`${prefix}n:`));
  const stay = await inChunks(keys, 100, async (one) => ((await redis.ttl(one)) < 0 ? [one] : []));
  return stay
    .flat()
    .map((one) => one.slice(prefix.length))
    .sort();
}

async function usageOf({ redis }) {
  const info = await redis.info('all');
  const field = (name) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)[1]);
  return {
    keys: await redis.dbsize(),
    bytes: field('used_memory'),
    commands: field('total_commands_processed'),
    cpuUs: (field('used_cpu_user') + field('used_cpu_sys')) * 1e6,
  };
}
