import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RedisFleetOptions } from '../../src/fleet.js';
import { FakeDaily } from '../support/fake-daily.js';
import { FLEET_SECRET } from '../support/fleet-node.js';
import { describeWith } from '../support/needs.js';
import { ReplyProxy } from '../support/reply-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { RoomNode } from '../support/room-node.js';
import { post } from '../support/runner-app.js';
import { until } from '../support/until.js';

describeWith('redis-server')('Daily rooms of a fleet with onNodeLoss: restart', () => {
  let redis: RedisServer;
  let daily: FakeDaily;
  let nodes: RoomNode[];
  let proxy: ReplyProxy;

  const start = async (fleet: Partial<RedisFleetOptions> = {}, maxSessions = 2) => {
    const options = {
      ...{ redis: redis.url, secret: FLEET_SECRET, advertiseUrl: 'http://127.0.0.1:3000' },
      ...{ heartbeatMs: 300, leaseMs: 2_500, onNodeLoss: 'restart' as const },
      ...fleet,
    };
    const node = await RoomNode.start({ fleet: options, daily, maxSessions });
    nodes.push(node);
    return node;
  };

  const ask = async ({ url }: RoomNode, body: unknown = {}) => {
    const { status, json } = await post(`${url}/start`, {
      transport: 'daily',
      createDailyRoom: true,
      body,
    });
    return { status, id: String(json.sessionId) };
  };

  /** Starts a session, and waits for its bot on the same node. @returns its id */
  const launchOn = async (node: RoomNode): Promise<string> => {
    const { id } = await ask(node, { topic: 'billing' });
    await until(() => node.ids.includes(id));
    return id;
  };

  /** Starts a session, and waits for its bot on the same node, and until Redis has what others need to launch it again. @returns its id */
  const launchKnown = async (node: RoomNode): Promise<string> => {
    const id = await launchOn(node);
    const client = new Redis(redis.url);
    await until(async () => (await client.hexists(`pipecat:{pipecat}:s:${id}`, 'rs')) === 1);
    client.disconnect();
    return id;
  };

  const ends = () => nodes.flatMap((node) => node.ends);
  const removals = () => daily.requests.filter(({ method }) => method === 'DELETE').length;

  beforeEach(async () => {
    nodes = [];
    daily = await FakeDaily.start();
    redis = await RedisServer.start();
    proxy = await ReplyProxy.to(redis.port);
  });
  afterEach(async () => {
    for (const node of nodes) await node.kill();
    await daily.close();
    await proxy.stop();
    await redis.stop();
  });

  it('pass to another node when theirs drains, once their bot was stopped', async () => {
    const first = await start();
    const id = await launchOn(first);
    const second = await start();
    await first.close();
    await until(() => second.ids.length > 0);
    expect(first.stops).toEqual([`${id} draining`]);
    expect(first.stoppedAtMs[0]).toBeLessThan(second.launches[0]!.atMs);
    expect(second.launches[0]).toMatchObject({ id, args: first.launches[0]!.args });
    await until(async () => {
      const found = (await (await fetch(`${second.url}/sessions/${id}`)).json()) as object;
      return 'state' in found && found.state === 'running';
    });
    expect([ends(), daily.rooms.size, removals()]).toEqual([[], 1, 0]);
    await fetch(`${second.url}/sessions/${id}`, { method: 'DELETE' });
    await until(() => second.ends.length > 0);
    expect([ends(), daily.rooms.size, removals()]).toEqual([[`${id} stopped`], 0, 1]);
  });

  it('pass to another node also when theirs drains without Redis, after its lease', async () => {
    const first = await start({ redis: proxy.url });
    const id = await launchKnown(first);
    const second = await start();
    proxy.cutBoth();
    await first.close();
    await until(() => second.ids.length > 0);
    expect([second.ids, first.stops.length, ends(), removals()]).toEqual([[id], 1, [], 0]);
  });

  it('end as draining where nobody else can know of them, since Redis was away from their start', async () => {
    const first = await start({ redis: proxy.url });
    await start();
    proxy.cutBoth();
    const id = await launchOn(first);
    await first.close();
    expect([ends(), removals()]).toEqual([[`${id} draining`], 1]);
  });

  it('end as lost when no node has a place for them in time', async () => {
    const first = await start({ dispatchTimeoutMs: 1_500 });
    const id = await launchOn(first);
    const second = await start({}, 1);
    const other = await launchOn(second);
    await first.close();
    expect(ends()).toEqual([]);
    await until(() => ends().length > 0);
    await until(() => daily.rooms.size === 1);
    expect([ends(), removals(), second.ids]).toEqual([[`${id} lost`], 1, [other]]);
  });

  it('start again on another node with the same arguments when theirs is killed', async () => {
    const first = await start();
    const id = await launchKnown(first);
    const second = await start();
    await first.kill();
    await until(() => second.ids.length > 0);
    expect(second.launches).toMatchObject([{ id, args: first.launches[0]!.args }]);
    expect(daily.bodiesOf('/meeting-tokens')).toHaveLength(1);
    const [name = ''] = daily.rooms.keys();
    expect(second.launches[0]!.args).toMatchObject({
      ...{ room_url: `https://example.daily.co/${name}`, token: `token-for-${name}` },
      body: { topic: 'billing' },
    });
    await fetch(`${second.url}/sessions/${id}`, { method: 'DELETE' });
    await until(() => second.ends.length > 0);
    expect([ends(), daily.rooms.size, removals()]).toEqual([[`${id} stopped`], 0, 1]);
  });

  it('have one bot while their node is cut from Redis, and after that', async () => {
    const first = await start({ redis: proxy.url });
    const id = await launchKnown(first);
    const second = await start();
    proxy.cutBoth();
    await until(() => second.ids.length > 0);
    expect(first.stops).toEqual([`${id} lost`]);
    expect(first.stoppedAtMs[0]).toBeLessThan(second.launches[0]!.atMs);
    proxy.heal();
    // It is back in the fleet.
    await until(async () => (await fetch(`${first.url}/fleet`)).status === 200, 15_000);
    expect([second.ids, second.stops, ends()]).toEqual([[id], [], []]);
    await fetch(`${second.url}/sessions/${id}`, { method: 'DELETE' });
    await until(() => ends().length > 0);
    expect([ends(), removals()]).toEqual([[`${id} stopped`], 1]);
  });

  it('start again when Redis was away for all for longer than a lease, also those of one node', async () => {
    const only = await start({ redis: proxy.url });
    const id = await launchKnown(only);
    proxy.cutBoth();
    await until(() => only.stops.length > 0);
    const alone = await launchOn(only);
    proxy.heal();
    await until(() => only.ids.length === 3, 20_000);
    expect([only.ids, only.stops, ends()]).toEqual([[id, alone, id], [`${id} lost`], []]);
    await fetch(`${only.url}/sessions/${id}`, { method: 'DELETE' });
    await until(() => ends().length > 0);
    expect([ends(), removals()]).toEqual([[`${id} stopped`], 1]);
  });

  it('end as draining on the only node for rooms', async () => {
    const [only] = [await start(), await start({ roles: ['sockets'] })];
    const id = await launchOn(only);
    await only.close();
    expect([ends(), daily.rooms.size, removals()]).toEqual([[`${id} draining`], 0, 1]);
  });
});
