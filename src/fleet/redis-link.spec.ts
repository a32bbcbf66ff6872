import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { FleetTestNode } from '../../test/support/fleet-node.js';
import { describeWith } from '../../test/support/needs.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { ReplyProxy } from '../../test/support/reply-proxy.js';
import { until } from '../../test/support/until.js';
import { CLIENT_OPTIONS } from './redis-link.js';

describeWith('redis-server')('a connection to Redis', () => {
  let redis: RedisServer;
  let proxy: ReplyProxy;
  let node: FleetTestNode;
  beforeEach(async () => {
    redis = await RedisServer.start();
    proxy = await ReplyProxy.to(Number(new URL(redis.url).port));
    node = await FleetTestNode.join('a', proxy.url);
    await node.heartbeat.beat();
  });
  afterEach(async () => {
    node.die();
    await proxy.stop();
    await redis.stop();
  });

  const openMany = () =>
    Promise.allSettled(Array.from({ length: 20 }, () => node.open(crypto.randomUUID())));

  it('is written to once for all commands of a turn of the event loop', async () => {
    // The server learns the script.
    await node.open(crypto.randomUUID());
    const { stream } = node.link.client as Redis;
    const writev = jest.spyOn(stream, '_writev');
    await openMany();
    expect(writev.mock.calls.map(([commands]) => commands.length)).toEqual([20]);
  });

  it('that is lost under load fails nothing, and makes nobody give Redis up', async () => {
    for (let n = 0; n < 3; n++) {
      proxy.loseNext();
      const outcomes = await openMany();
      expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(node.link.isDegraded).toBe(false);
    }
    expect(proxy.lost).toBe(3);
  });

  it('that is lost fails no look-up', async () => {
    proxy.loseNext();
    expect(await node.link.fields('n:a', 'none')).toEqual([null]);
    expect(proxy.lost).toBe(1);
  });

  it.each(['refuse', 'cut'] as const)('that stays away makes it degraded: %s', async (away) => {
    proxy[away]();
    expect((await openMany()).filter(({ status }) => status === 'fulfilled')).toEqual([]);
    expect(node.link.isDegraded).toBe(true);
    proxy.heal();
    await until(async () => {
      await node.heartbeat.beat().catch(() => undefined);
      return !node.link.isDegraded;
    });
  });

  it('that is lost tells why there is no other', async () => {
    const direct = await FleetTestNode.join('b', redis.url);
    const { client } = direct.link;
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    await redis.kill();
    await until(() => errors.some((error) => String(error).includes('ECONNREFUSED')));
    await expect(direct.open(crypto.randomUUID())).rejects.toThrow(
      /^Redis did not answer open: .*:\d+: connect ECONNREFUSED/,
    );
    direct.die();
  });

  it('that is lost says so until a try to connect has ended', async () => {
    const direct = await FleetTestNode.join('b', redis.url);
    direct.link.client.disconnect();
    await expect(direct.open(crypto.randomUUID())).rejects.toThrow(
      /^Redis did not answer open: .*:\d+: the connection was lost$/,
    );
    direct.die();
  });

  const isOpened = () =>
    node.open(crypto.randomUUID()).then(
      () => true,
      () => false,
    );

  it('that the application has closed is opened again, and its log says so', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const gone = await FleetTestNode.join('b', redis.url);
    const reopening = jest.spyOn(gone.link.client, 'connect');
    gone.die();
    await node.link.client.quit();
    await until(isOpened);
    expect(reopening).not.toHaveBeenCalled();
    expect(warn.mock.calls.flat().join('\n')).toContain('the client of redis was closed');
    warn.mockRestore();
  });

  it('that a retryStrategy has given up is opened again', async () => {
    node.die();
    node = await FleetTestNode.join(
      'b',
      (options) => new Redis(redis.url, { ...options, retryStrategy: () => null }),
    );
    await redis.kill();
    await until(async () => node.link.client.status === 'end' && !(await isOpened()));
    await redis.start();
    await until(isOpened);
  });

  it.each([
    [
      'Redis 7',
      "READONLY You can't write against a read only replica. script: c9c9, on @user_script",
    ],
    [
      'Redis 6.2',
      "ERR Error running script (call to f_c9): @user_script:1: -READONLY You can't write",
    ],
  ])('is made anew when a primary has become a replica: %s', (_, message) => {
    expect(CLIENT_OPTIONS.reconnectOnError(new Error(message))).toBe(true);
    expect(CLIENT_OPTIONS.reconnectOnError(new Error('NOSCRIPT No matching script'))).toBe(false);
  });
});
