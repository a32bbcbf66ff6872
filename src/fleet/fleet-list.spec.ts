import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { FleetTestNode } from '../../test/support/fleet-node.js';
import { describeWith } from '../../test/support/needs.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { SessionInfo } from '../sessions/dto/sessions.dto.js';
import { FleetList } from './fleet-list.js';

describeWith('redis-server')('records, also those that are not as this node writes them', () => {
  let redis: RedisServer;
  let node: FleetTestNode;
  beforeEach(async () => {
    redis = await RedisServer.start();
    node = await FleetTestNode.join('a', redis.url);
  });
  afterEach(async () => {
    node.die();
    await redis.stop();
  });

  const key = (name: string): string => node.link.prefix + name;

  it('are left out of the lists of sessions', async () => {
    const { client } = node.link;
    const list = new FleetList(node.link);
    await node.open('one');
    const record = { st: 'active', tp: 'websocket', at: '1700000000000', pa: 'x', bs: 'y' };
    const times = { odd: 'yesterday', empty: '', far: '1e300', none: 'Infinity' };
    for (const [id, at] of Object.entries({ ...times, two: record.at })) {
      await client.hset(key(`s:${id}`), { ...record, at });
      await client.zadd(key('idx'), 1, id);
    }
    const ended = { id: 'three', transport: 'websocket', code: 'completed', endedAtMs: 2 };
    for (const createdAtMs of [1, 1e300, 'x', null]) {
      await client.rpush(key('hist'), JSON.stringify({ ...ended, createdAtMs }));
    }
    await client.rpush(key('hist'), 'no JSON', '7');
    const listed = await list.all();
    expect(listed.map(({ id }) => id).sort()).toEqual(['one', 'three', 'two']);
    const shown = listed.map((session) => SessionInfo.of(session));
    expect(JSON.stringify(shown)).toContain('2023-11-14T22:13:20.000Z');
    expect(await list.find('far')).toBeUndefined();
  });

  it('tell of a session whose node is gone as it last was, until it is given up', async () => {
    const list = new FleetList(node.link);
    await node.open('one');
    await node.directory.reap('a', true);
    expect(await list.find('one')).toMatchObject({ state: { name: 'launching' } });
    const end = { id: 'one', code: 'lost', only: 'lost', nonce: 'n' } as const;
    expect(await node.directory.end(end)).toBe('ended');
    expect(await list.find('one')).toMatchObject({ state: { name: 'ended' } });
  });

  it('have no age where their time is none', async () => {
    const { client } = node.link;
    await node.open('one');
    for (const at of ['yesterday', '-Infinity', '1e300']) {
      await client.hset(key('s:one'), 'at', at);
      expect(await node.directory.read('one')).toMatchObject({ ageMs: 0 });
    }
  });

  it('are swept, where they are missing', async () => {
    const { client } = node.link;
    for (const set of ['pending', 'lost', 'rooms', 'idx']) await client.zadd(key(set), 1, 'gone');
    for (const only of ['pending', 'lost'] as const) {
      const end = { id: 'gone', code: 'expired', only, nonce: only };
      expect(await node.directory.end(end)).toBe('gone');
    }
    expect(await client.keys(key('*'))).toEqual([]);
  });
});
