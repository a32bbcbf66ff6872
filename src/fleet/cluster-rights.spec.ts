import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { readFile } from 'node:fs/promises';
import { FleetTestNode } from '../../test/support/fleet-node.js';
import { handOver } from '../../test/support/hand-over.js';
import { describeWith } from '../../test/support/needs.js';
import { clusterClient, RedisCluster } from '../../test/support/redis-groups.js';
import { until } from '../../test/support/until.js';
import { checkFleet } from './fleet-checks.js';
import type { RedisFleetOptions } from './redis-fleet.options.js';
import { RoomQueue } from './room-queue.js';

const KEYS = '~pipecat:{test}:*';
/** Time to start a Cluster, in milliseconds. */
const START_MS = 60_000;

/** Returns the rights that the documentation gives a user. */
async function documented(): Promise<string[]> {
  const page = await readFile(new URL('../../docs/deployment.md', import.meta.url), 'utf8');
  const [, rights = ''] = /A user for it needs `([^`]+)`/.exec(page) ?? [];
  const [, more = ''] = /on a Cluster also `([^`]+)`/.exec(page) ?? [];
  return `${rights} ${more}`.trim().split(' ');
}

describeWith('redis-server')('a user of a Cluster with limited rights', () => {
  let cluster: RedisCluster;
  let stops: (() => unknown)[] = [];
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  }, START_MS);
  afterAll(() => cluster.stop());
  afterEach(async () => {
    for (const stop of stops) await stop();
    stops = [];
    jest.restoreAllMocks();
  });

  const clientOf: RedisFleetOptions['redis'] = (options) =>
    clusterClient(cluster.ports, { ...options, username: 'ada', password: 'pw' });
  const join = async () => {
    const node = await FleetTestNode.join('a', clientOf, { connects: false });
    stops.unshift(() => node.die());
    return node;
  };

  it('can do everything with those of the documentation, rooms included', async () => {
    await cluster.setUser('ada', 'pw', KEYS, ...(await documented()));
    const node = await join();
    expect(await checkFleet(node.link, node.directory, node.table, true)).toEqual([]);
    await node.heartbeat.beat();
    await node.open('one');
    await node.heartbeat.leave();
    const rooms = await RoomQueue.create({ redis: clientOf, namespace: 'test' });
    stops.unshift(() => rooms.close());
    await handOver(rooms);
  });

  it.each([
    ['CLUSTER|SLOTS', '-cluster|slots'],
    ['CLUSTER|INFO', '-cluster|info'],
  ])('is refused by name without %s', async (command, denied) => {
    await cluster.setUser('ada', 'pw', KEYS, ...(await documented()), denied);
    const node = await join();
    await expect(checkFleet(node.link, node.directory, node.table)).rejects.toThrow(
      `Redis does not let its user run ${command}: give it ${(await documented()).join(' ')} on the keys pipecat:{test}:*`,
    );
  });

  it('is told by name what is missing when that is found after the start', async () => {
    await cluster.setUser('ada', 'pw', KEYS, ...(await documented()), '-cluster|info');
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const node = await join();
    node.heartbeat.start();
    await until(() =>
      warn.mock.calls
        .flat()
        .some((line) => /no heartbeat: .*NOPERM .*'cluster\|info'/.test(String(line))),
    );
  });
});
