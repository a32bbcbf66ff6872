// Faults of nodes, and none.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { endedOf, endsOf, silentOf, untilEnded } from './checks.js';
import { BEAT_MS, hangUp, inChunks, LEASE_MS, percentile, range } from './world.js';

const limitOf = (sessions) => Math.ceil(sessions / 5);

/** Longest answer of a request that is passed on, in milliseconds: a connection is given up after 1 s, and a busy machine adds to it. */
const MAX_PASSED_MS = 3_000;

/** Ends sessions, each at another node than its own. @param tries the most, four a second, while a node asks to come again */
const stopElsewhere = (world, some, tries = 1) =>
  inChunks(some, 20, (one) => {
    const others = world.nodes.filter((node) => node !== one.node);
    return world.patiently(
      tries,
      ({ status }) => status === 503,
      () => world.end(world.any(others), one),
    );
  });

const cutOff = (alsoRedis, title) => ({
  title,
  async run(world, { sessions }) {
    const { joined } = await world.converse(sessions);
    await world.exact(sessions);
    const [lonely, ...others] = world.nodes;
    for (const { door } of world.nodes) door.cutBoth();
    if (alsoRedis) lonely.proxy.cutBoth();
    const some = joined.slice(0, 20);
    const refused = await stopElsewhere(world, some);
    const longest = Math.max(...refused.map(({ ms }) => ms));
    assert.ok(longest < MAX_PASSED_MS, `an answer took ${longest} ms`);
    assert.deepEqual(new Set(refused.map(({ status }) => status)), new Set([503]));
    await sleep(LEASE_MS);
    const during = await world.converse(20, { nodes: alsoRedis ? others : world.nodes });
    assert.equal(during.joined.filter(({ body, n }) => body?.n === n).length, 20);
    for (const { door } of world.nodes) door.heal();
    if (alsoRedis) lonely.proxy.heal();
    const healedMs = await world.exact(sessions + 20);
    assert.equal(await silentOf(joined), 0, 'conversations that were cut');
    assert.equal(endedOf(world, joined), 0, 'sessions that were told as ended');
    const stopped = await stopElsewhere(world, some, 20);
    assert.deepEqual(new Set(stopped.map(({ status }) => status)), new Set([200]));
    await untilEnded(world, some, 5_000);
    endsOf(world, some, 'stopped');
    const rest = [...joined.slice(20), ...during.joined];
    await hangUp(rest);
    await world.exact(0);
    return {
      'longest refusal ms': Math.round(longest),
      'exact after ms': healedMs,
      ...endsOf(world, rest, 'peer_left'),
    };
  },
});

/** Rows by name: options of the world, and what is done in it. Each returns its figures, or throws. */
export const NODE_ROWS = {
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
      lonely.proxy.cutBoth();
      await sleep(2 * LEASE_MS);
      const during = await inChunks(range(20), 5, (n) => world.announce(lonely, n));
      assert.deepEqual(new Set(during.map(({ status }) => status)), new Set([200]));
      const longest = Math.max(...during.map(({ ms }) => ms));
      assert.ok(longest < 1_500, `an answer took ${longest} ms`);
      // Their clients come to any node, but for some that come when Redis is back.
      const early = await inChunks(during.slice(0, 15), 5, (one) => world.joinPatiently(one));
      assert.equal(early.filter(({ body, n }) => body?.n === n).length, 15, 'opened alone');
      const replays = await inChunks(early, 5, (one) => world.join(world.any(), one));
      assert.deepEqual(new Set(replays.map(({ code }) => code)), new Set([4003]));
      const elsewhere = await world.converse(20, { nodes: others });
      assert.equal(elsewhere.joined.filter(({ socket }) => socket).length, 20);
      await hangUp(elsewhere.joined);
      assert.equal(await silentOf(joined), 0, 'conversations that were cut');
      lonely.proxy.heal();
      const healedMs = await world.exact(sessions + 15, 5);
      const late = await inChunks(during.slice(15), 5, (one) => world.joinPatiently(one));
      const all = [...joined, ...early, ...late];
      await world.exact(sessions + 20);
      assert.equal(endedOf(world, all), 0, 'sessions that were told as ended');
      const again = await inChunks([...early, ...late], 5, (one) => world.join(world.any(), one));
      assert.deepEqual(new Set(again.map(({ code }) => code)), new Set([4003]));
      await hangUp(all);
      await world.exact(0);
      return {
        'exact after ms': healedMs,
        'opened alone': during.length,
        'longest start ms': Math.round(longest),
        ...endsOf(world, all),
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
      for (const { proxy } of cut) proxy.cutBoth();
      await sleep(3 * LEASE_MS);
      for (const { proxy } of cut) proxy.heal();
      const healedMs = await world.exact(sessions);
      assert.equal(await silentOf(joined), 0, 'conversations that were cut');
      await hangUp(joined);
      await world.exact(0);
      return { 'exact after ms': healedMs, ...endsOf(world, joined, 'peer_left') };
    },
  },

  peers: cutOff(false, 'all nodes are cut from each other'),
  both: cutOff(true, 'the same, and one of them from Redis too'),

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
};
