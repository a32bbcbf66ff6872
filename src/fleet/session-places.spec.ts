import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { FleetTestNode } from '../../test/support/fleet-node.js';
import { describeWith } from '../../test/support/needs.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { SessionPlaces } from './session-places.js';

describeWith('redis-server')('a node that looks for places of others', () => {
  let redis: RedisServer;
  let nodes: FleetTestNode[];
  beforeEach(async () => {
    redis = await RedisServer.start();
    nodes = [
      await FleetTestNode.join('a', redis.url),
      await FleetTestNode.join('b', redis.url, { places: 4 }),
    ];
    for (const { heartbeat } of nodes) await heartbeat.beat();
  });
  afterEach(async () => {
    for (const node of nodes) node.die();
    await redis.stop();
  });

  it('asks Redis once for all sockets that come at the same time', async () => {
    const [{ link, table, directory }] = nodes as [FleetTestNode];
    const places = new SessionPlaces(link, table, directory);
    const found = await Promise.all(Array.from({ length: 100 }, () => places.withPlaces()));
    expect(found.map((some) => some.map(({ name }) => name))).toEqual(Array(100).fill(['b']));
    expect(await link.client.info('commandstats')).toContain('cmdstat_zrandmember:calls=1,');
  });

  it('counts those that it has passed on since it asked', async () => {
    for (const name of ['c', 'd'])
      nodes.push(await FleetTestNode.join(name, redis.url, { places: 3 }));
    for (const { heartbeat } of nodes) await heartbeat.beat();
    const [{ link, table, directory }] = nodes as [FleetTestNode];
    const places = new SessionPlaces(link, table, directory);
    const all = await table.nodes();
    const free = all.filter(({ name }) => name !== 'a');
    const count = free.reduce((sum, { maxSessions }) => sum + maxSessions, 0);
    const found = await Promise.all(Array.from({ length: count }, () => places.withPlaces()));
    const firsts = found.map(([node]) => node?.name);
    for (const { name, maxSessions } of free) {
      expect(firsts.filter((first) => first === name)).toHaveLength(maxSessions);
    }
    // One more is tried everywhere: sessions may have ended.
    expect(await places.withPlaces()).toHaveLength(3);
  });
});
