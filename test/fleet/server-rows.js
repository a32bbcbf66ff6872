// Faults of groups of servers, Sentinel and Cluster; and nodes of two versions.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { endedOf, endsOf, silentOf } from './checks.js';
import { NODE_ROWS } from './node-rows.js';
import { hangUp, inChunks, range } from './world.js';

/** Longest answer while a replica is promoted, in milliseconds: two tries, and what a busy machine adds. */
const MAX_ANSWER_MS = 1_500;

const failover = (servers, isBehind, title) => ({
  title,
  world: () => ({ servers }),
  async run(world, { sessions }) {
    const { joined } = await world.converse(sessions);
    const waiting = await inChunks(range(20), 10, (n) => world.announcePatiently(n));
    await world.exact(sessions, waiting.length);
    let isPromoted = false;
    const promoted = world.server
      .failOver({ key: world.key('idx'), isBehind })
      .finally(() => (isPromoted = true));
    const during = [];
    do {
      during.push(await world.announce(world.any(), during.length));
      await sleep(100);
    } while (!isPromoted);
    const promotedMs = await promoted;
    const longest = Math.max(...during.map(({ ms }) => ms));
    assert.ok(longest < MAX_ANSWER_MS, `an answer took ${longest} ms`);
    const odd = during.filter(({ status }) => status !== 200 && status !== 503);
    assert.deepEqual(odd, [], 'answers of starts');
    const opened = during.filter(({ status }) => status === 200);
    waiting.push(...opened);
    const healedMs = await world.exact(sessions, waiting.length);
    assert.equal(await silentOf(joined), 0, 'conversations that were cut');
    assert.equal(endedOf(world, joined), 0, 'sessions that were told as ended');
    const late = await inChunks(waiting, 5, (one) => world.joinPatiently(one));
    assert.equal(late.filter(({ body, n }) => body?.n === n).length, waiting.length);
    await hangUp([...joined, ...late]);
    await world.exact(0);
    return {
      'promoted after ms': promotedMs,
      'starts meanwhile': during.length,
      refused: during.length - opened.length,
      'longest answer ms': Math.round(longest),
      'exact after ms': healedMs,
      'waited through it': late.length,
      ...endsOf(world, [...joined, ...late], 'peer_left'),
    };
  },
});

/** Rows by name: options of the world, and what is done in it. Each returns its figures, or throws. */
export const SERVER_ROWS = {
  failover: failover('sentinels', false, 'kill -9 of a primary; Sentinel promotes its replica'),
  'failover-behind': failover('sentinels', true, 'the same, and the replica has got nothing'),
  cluster: failover('cluster', false, 'kill -9 of the master of a Cluster that has the fleet'),
  'cluster-behind': failover('cluster', true, 'the same, and its replica has got nothing'),
  versions: {
    title: 'one of three nodes is of another version',
    needs: 'old',
    world: ({ old }) => ({ old: { folder: old, nodes: 1 } }),
    run: NODE_ROWS.none.run,
  },
  upgrade: {
    title:
      'nodes of another version are shut down one by one for those of this one, while calls come',
    needs: 'old',
    world: ({ old }) => ({ old: { folder: old, nodes: 3 } }),
    run: NODE_ROWS.rolling.run,
  },
};
