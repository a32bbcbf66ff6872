import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { FLEET_SECRET } from '../../test/support/fleet-node.js';
import { describeWith } from '../../test/support/needs.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { ReplyProxy } from '../../test/support/reply-proxy.js';
import { until } from '../../test/support/until.js';
import { BotLauncher } from '../bot/bot-launcher.js';
import { SessionEnd } from '../bot/session-end.js';
import { resolveRunnerOptions } from '../runner.options.js';
import { FleetSessionRegistry } from '../sessions/fleet-session-registry.js';
import type { Session } from '../sessions/session.js';
import { DailyRunnerArguments } from '../transports/daily/dto/daily-runner-arguments.dto.js';
import { RedisFleet } from './redis-fleet.js';

const STOPPED = new SessionEnd('stopped', 'enough');

/** Launches bots that talk until they are stopped. */
class TalkingLauncher extends BotLauncher {
  async launch(_: DailyRunnerArguments, session: Session): Promise<void> {
    session.ready();
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  }
}

describeWith('redis-server')('a room that others launch again when its node is gone', () => {
  let redis: RedisServer;
  let proxy: ReplyProxy;
  let client: Redis;
  let registry: FleetSessionRegistry;
  let session: Session;
  let onEnded: jest.Mock<() => void>;

  const key = (kind: string): string => `pipecat:{pipecat}:${kind}:${session.id}`;

  beforeEach(async () => {
    jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    redis = await RedisServer.start();
    proxy = await ReplyProxy.to(redis.port);
    client = new Redis(redis.url);
    onEnded = jest.fn();
    const fleet = new RedisFleet({
      ...{ redis: proxy.url, secret: FLEET_SECRET, advertiseUrl: 'http://10.0.0.7:3000' },
      ...{ heartbeatMs: 100, leaseMs: 600, onNodeLoss: 'restart' },
    });
    fleet.rooms = {
      ...{ names: ['daily'], evictsOlderBot: () => true },
      ...{ launch: () => undefined, bind: () => undefined },
    };
    const options = resolveRunnerOptions({ maxSessions: 10, stopGraceMs: 100 });
    registry = new FleetSessionRegistry(options, new TalkingLauncher(), undefined, fleet);
    registry.observers.add({ changed: ({ state }) => state.name === 'ended' && onEnded() });
    await fleet.join();
    const open = { transport: 'daily', kind: 'room' } as const;
    session = await registry.start(open, (opened) => opened);
    registry.launch(session, new DailyRunnerArguments());
    await until(async () => (await client.hexists(key('s'), 'rs')) === 1);
  });
  afterEach(async () => {
    await registry.drain();
    client.disconnect();
    await proxy.stop();
    await redis.stop();
    jest.restoreAllMocks();
  });

  it('is over in Redis before its end is told, so that it is not launched once more', async () => {
    onEnded.mockImplementation(() => proxy.cutBoth());
    await session.end(STOPPED);
    expect(onEnded).toHaveBeenCalledTimes(1);
    expect([await client.exists(key('s')), await client.exists(key('t'))]).toEqual([0, 1]);
    proxy.heal();
  });

  it('is told by the node that has it meanwhile, if another one has', async () => {
    await client.hset(key('s'), 'o', 'another', 'e', 2);
    await session.end(STOPPED);
    expect(onEnded).not.toHaveBeenCalled();
    expect(await client.hget(key('s'), 'o')).toBe('another');
  });

  it('is told when Redis does not answer, which hears of it later', async () => {
    proxy.refuse();
    await session.end(STOPPED);
    expect(onEnded).toHaveBeenCalledTimes(1);
    proxy.heal();
    await until(async () => (await client.exists(key('s'))) === 0);
    expect(await client.get(key('t'))).toMatch(/^stopped /);
  });
});
