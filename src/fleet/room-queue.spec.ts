import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis-5';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeWith } from '../../test/support/needs.js';
import { clusterClient } from '../../test/support/redis-groups.js';
import { RedisServer } from '../../test/support/redis-server.js';
import type { RedisClient, RedisFleetOptions } from './redis-fleet.options.js';
import { type RoomJob, RoomQueue } from './room-queue.js';

const RIGHT_NOW = Date.now.bind(Date);

/** Its types are those of another package. */
const bullmq5 = async () => (await import('bullmq-5')) as never;

describeWith('redis-server')('the queue of rooms', () => {
  let redis: RedisServer;
  let queues: RoomQueue[];

  const queue = async (url: RedisFleetOptions['redis'] = redis.url, load?: typeof bullmq5) => {
    const made = await RoomQueue.create({ redis: url, namespace: 'voice' }, load);
    queues.push(made);
    return made;
  };

  /** Waits for the next job, however often none came. */
  const next = async (from: RoomQueue): Promise<RoomJob> => (await from.next()) ?? next(from);

  beforeEach(async () => {
    queues = [];
    redis = await RedisServer.start();
  });
  afterEach(async () => {
    for (const one of queues) await one.close();
    await redis.stop();
  });

  const redis5 = (options: object) => new Redis5(redis.url, options) as unknown as RedisClient;
  it.each([
    ['BullMQ 6 and ioredis 6', undefined, undefined],
    ['BullMQ 6 and ioredis 5', redis5, undefined],
    ['BullMQ 5 and ioredis 6', undefined, bullmq5],
    ['BullMQ 5 and ioredis 5', redis5, bullmq5],
  ])('gives each job to one node, with %s', async (_, client, load) => {
    const [a, b] = [await queue(client, load), await queue(client, load)];
    const waiting = [next(b), next(a)];
    await a.add('one');
    // Added again, as when no answer came.
    await a.add('one');
    await b.add('2');
    const jobs = await Promise.all(waiting);
    expect(jobs.map(({ id }) => id).sort()).toEqual(['2', 'one']);
    for (const job of jobs) await job.done();
  });

  it.each([
    [
      'its Sentinel',
      (options: object) =>
        new Redis({ ...options, sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'voice' }),
    ],
    ['its Cluster', (options: object) => clusterClient([1], options)],
  ])('is made and closed at once while %s is away', async (_, client) => {
    const begunMs = performance.now();
    const made = await queue(client);
    void made.next().catch(() => undefined);
    await sleep(100);
    await made.close();
    expect(performance.now() - begunMs).toBeLessThan(2_000);
  });

  it.each([
    ['6', undefined],
    ['5', bullmq5],
  ])('rejects when Redis refuses to let BullMQ %s wait for a job', async (_, load) => {
    const made = await queue(redis.url, load);
    expect(await made.next()).toBeUndefined();
    const admin = new Redis(redis.url);
    await admin.call('ACL', 'SETUSER', 'default', '-bzpopmin');
    admin.disconnect();
    await expect(made.next()).rejects.toThrow(/NOPERM .*'bzpopmin'/);
  });

  it('hands out again what was given back', async () => {
    const [a, b] = [await queue(), await queue()];
    await a.add('one');
    await (await next(a)).giveBack();
    const again = await next(b);
    expect(again.id).toBe('one');
    await again.done();
  });

  it('hands out at once what a node with a wrong clock gave back', async () => {
    const [a, b] = [await queue(), await queue()];
    await a.add('one');
    const job = await next(a);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => 60_000 + RIGHT_NOW());
    await job.giveBack();
    clock.mockRestore();
    const again = await b.next();
    expect(again?.id).toBe('one');
    await again?.done();
  });

  it('keeps nothing of what is done, and is closed while it waits', async () => {
    const one = await queue();
    await one.add('one');
    await (await next(one)).done();
    const waiting = one.next().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await one.close();
    expect(await waiting).toBeUndefined();
    const client = new Redis5(redis.url);
    const keys = await client.keys('*');
    client.disconnect();
    expect(keys).toContain('pipecat:{voice}:bull:rooms:meta');
    expect(keys.filter((key) => key.includes('one'))).toEqual([]);
  });

  it('does not wait for a server that is silent', async () => {
    const one = await queue();
    await one.add('one');
    redis.pause();
    const startMs = performance.now();
    await expect(one.add('two')).rejects.toThrow('not added within 1000 ms');
    expect(performance.now() - startMs).toBeLessThan(1_500);
    redis.resume();
  });

  it.each([
    ['', () => redis.url],
    [
      ', also with options that give up',
      () => ({
        ...{ host: '127.0.0.1', port: redis.port, retryStrategy: () => null },
        ...{ commandTimeout: 300, enableOfflineQueue: false },
      }),
    ],
  ])('goes on with a server that was away%s', async (_, of) => {
    const [a, b] = [await queue(of()), await queue(of())];
    await a.add('one');
    await (await next(b)).done();
    const waiting = next(b);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await redis.kill();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await redis.start();
    while (
      !(await a.add('two').then(
        () => true,
        () => false,
      ))
    );
    expect((await waiting).id).toBe('two');
  });
});
