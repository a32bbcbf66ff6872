import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { FLEET_SECRET } from '../../test/support/fleet-node.js';
import { describeWith } from '../../test/support/needs.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { ReplyProxy } from '../../test/support/reply-proxy.js';
import { TalkingLauncher } from '../../test/support/talking-launcher.js';
import { until } from '../../test/support/until.js';
import { SessionEnd } from '../bot/session-end.js';
import { resolveRunnerOptions } from '../runner.options.js';
import { FleetSessionRegistry } from '../sessions/fleet-session-registry.js';
import type { Session } from '../sessions/session.js';
import { DailyRunnerArguments } from '../transports/daily/dto/daily-runner-arguments.dto.js';
import { RedisFleet } from './redis-fleet.js';
import type { RedisFleetOptions } from './redis-fleet.options.js';

const STOPPED = new SessionEnd('stopped', 'enough');

const inRoom = (): DailyRunnerArguments =>
  Object.assign(new DailyRunnerArguments(), {
    room_url: 'https://example.daily.co/room',
    token: 'of the bot',
  });

/** A node of rooms, each of whose bots talks until it is stopped. */
class RoomsNode {
  /** Ends that it told, as `<session id> <code>`. */
  readonly ends: string[] = [];
  /** Called with each of them. */
  onEnded?: () => void;
  readonly registry: FleetSessionRegistry;
  private readonly launcher = new TalkingLauncher();
  private readonly fleet: RedisFleet;

  private constructor(
    readonly proxy: ReplyProxy,
    settings: Partial<RedisFleetOptions>,
    evictsOlderBot: boolean,
  ) {
    this.fleet = new RedisFleet({
      ...{ redis: proxy.url, secret: FLEET_SECRET, advertiseUrl: 'http://10.0.0.7:3000' },
      ...{ heartbeatMs: 100, leaseMs: 900, onNodeLoss: 'restart' },
      ...settings,
    });
    this.fleet.rooms = {
      ...{ names: ['daily'], evictsOlderBot: () => evictsOlderBot, bind: () => undefined },
      launch: (session) => void this.registry.launch(session, inRoom()),
    };
    const options = resolveRunnerOptions({ maxSessions: 10, stopGraceMs: 300, drainTimeoutMs: 0 });
    this.registry = new FleetSessionRegistry(options, this.launcher, undefined, this.fleet);
    this.registry.observers.add({
      changed: ({ id, state }) => {
        if (state.name !== 'ended') return;
        this.ends.push(`${id} ${state.reason.code}`);
        this.onEnded?.();
      },
    });
  }

  static async join(
    redis: RedisServer,
    settings: Partial<RedisFleetOptions> = {},
    evictsOlderBot = false,
  ): Promise<RoomsNode> {
    const node = new RoomsNode(await ReplyProxy.to(redis.port), settings, evictsOlderBot);
    await node.fleet.join();
    return node;
  }

  /** Sessions whose bots it launched. */
  get launched(): string[] {
    return this.launcher.launched;
  }

  /** Opens a session and launches its bot here. */
  async start(): Promise<Session> {
    const open = { transport: 'daily', kind: 'room' } as const;
    const session = await this.registry.start(open, (opened) => opened);
    this.registry.launch(session, inRoom());
    return session;
  }
}

describeWith('redis-server')('rooms that others launch again when their node is gone', () => {
  let redis: RedisServer;
  let client: Redis;
  let nodes: RoomsNode[];

  const join = async (settings: Partial<RedisFleetOptions> = {}, evictsOlderBot = false) => {
    const node = await RoomsNode.join(redis, settings, evictsOlderBot);
    nodes.push(node);
    return node;
  };
  const key = (kind: string, { id }: Session): string => `pipecat:{pipecat}:${kind}:${id}`;
  const isRecorded = async (session: Session) => (await client.exists(key('s', session))) === 1;

  /** Starts a session, and waits until Redis has what others need to launch it again. */
  const startKnown = async (node: RoomsNode): Promise<Session> => {
    const session = await node.start();
    await until(async () => (await client.hexists(key('s', session), 'rs')) === 1);
    return session;
  };
  const endOf = ({ id }: Session, code: string): string => `${id} ${code}`;
  const told = (): string[] => nodes.flatMap(({ ends }) => ends);

  beforeEach(async () => {
    for (const level of ['log', 'warn'] as const) {
      jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
    }
    nodes = [];
    redis = await RedisServer.start();
    client = new Redis(redis.url);
  });
  afterEach(async () => {
    for (const { proxy } of nodes) proxy.heal();
    await Promise.all(nodes.map(({ registry }) => registry.drain()));
    for (const { proxy } of nodes) await proxy.stop();
    client.disconnect();
    await redis.stop();
    jest.restoreAllMocks();
  });

  it('are over in Redis before their end is told, so that they are not launched once more', async () => {
    const a = await join();
    const session = await startKnown(a);
    a.onEnded = () => a.proxy.cutBoth();
    await session.end(STOPPED);
    expect(told()).toEqual([endOf(session, 'stopped')]);
    expect(await isRecorded(session)).toBe(false);
    expect(await client.get(key('t', session))).toMatch(/^stopped /);
  });

  it('are told by the node that has them meanwhile, if another one has', async () => {
    const session = await startKnown(await join());
    await client.hset(key('s', session), 'o', 'another', 'e', 2);
    await session.end(STOPPED);
    expect(told()).toEqual([]);
    expect(await client.hget(key('s', session), 'o')).toBe('another');
  });

  it('are told when Redis does not answer, which hears of it later', async () => {
    const a = await join();
    const session = await startKnown(a);
    a.proxy.refuse();
    await session.end(STOPPED);
    expect(told()).toEqual([endOf(session, 'stopped')]);
    a.proxy.heal();
    await until(async () => !(await isRecorded(session)));
    expect(await client.get(key('t', session))).toMatch(/^stopped /);
  });

  it('are not launched again that were stopped without Redis, when their node leaves and it is back within the lease', async () => {
    const [a, b] = [await join({ leaseMs: 6_000 }), await join({ leaseMs: 6_000 })];
    const session = await startKnown(a);
    a.proxy.refuse();
    await session.end(STOPPED);
    const drained = a.registry.drain();
    // Longer than a node without such ends tries to tell them.
    const timeout = setTimeout(() => a.proxy.heal(), 2_500);
    await drained;
    clearTimeout(timeout);
    expect([b.launched, told()]).toEqual([[], [endOf(session, 'stopped')]]);
    expect(await client.get(key('t', session))).toMatch(/^stopped /);
  });

  it('pass to another node at once when theirs drains', async () => {
    // Less than it would take to get back a job that its own node has taken and dropped.
    const settings = { dispatchTimeoutMs: 1_500 };
    const [a, b] = [await join(settings), await join(settings)];
    const session = await startKnown(a);
    await a.registry.drain();
    await until(() => b.launched.length + told().length > 0);
    expect([b.launched, told()]).toEqual([[session.id], []]);
  });

  it('end where they are stopped while their node, which drains, stops their bot', async () => {
    const [a, b] = [await join(), await join()];
    const session = await startKnown(a);
    const drained = a.registry.drain();
    const stopped = session.end(STOPPED);
    await drained;
    expect((await stopped).code).toBe('draining');
    expect([b.launched, told()]).toEqual([[], [endOf(session, 'draining')]]);
    expect(await isRecorded(session)).toBe(false);
  });

  it('end on a node that comes back after somebody stopped them while they waited for another', async () => {
    const [a, b] = [await join({}, true), await join({}, true)];
    const session = await startKnown(a);
    b.registry.setOverloaded(true);
    a.proxy.cutBoth();
    await until(async () => (await client.hget(key('s', session), 'st')) === 'pending');
    expect((await b.registry.end(session.id, STOPPED)).code).toBe('stopped');
    a.proxy.heal();
    await until(() => session.state.name === 'ended');
    expect(told()).toEqual([endOf(session, 'stopped')]);
    expect(await isRecorded(session)).toBe(false);
  });

  it('are lost where they were stopped without Redis, and it comes back empty', async () => {
    const a = await join();
    const session = await startKnown(a);
    a.proxy.cutBoth();
    await until(() => session.state.name === 'ended');
    await session.ended;
    expect(told()).toEqual([]);
    await client.flushall();
    a.proxy.heal();
    await until(() => told().length > 0);
    expect([told(), a.launched]).toEqual([[endOf(session, 'lost')], [session.id]]);
  });

  it('are lost where they were stopped without Redis, and no node takes rooms when it is back', async () => {
    const a = await join({ dispatchTimeoutMs: 1_000 });
    const session = await startKnown(a);
    a.proxy.cutBoth();
    await until(() => session.state.name === 'ended');
    a.registry.setOverloaded(true);
    a.proxy.heal();
    await until(() => told().length > 0);
    expect([told(), a.launched]).toEqual([[endOf(session, 'lost')], [session.id]]);
    expect(await isRecorded(session)).toBe(false);
  });

  it('are told not to be taken when that lasts, once, and when they are again', async () => {
    const [log, warn] = [jest.spyOn(Logger.prototype, 'log'), jest.spyOn(Logger.prototype, 'warn')];
    const refused = () =>
      warn.mock.calls.map(([line]) => String(line)).filter((line) => /^no rooms/.test(line));
    await join();
    await client.call('ACL', 'SETUSER', 'default', '-bzpopmin');
    await until(() => refused().length > 0, 20_000);
    await sleep(3_000);
    expect(refused()).toEqual([
      expect.stringMatching(/^no rooms are taken for \d+ s: NOPERM .*'bzpopmin'/),
    ]);
    await client.call('ACL', 'SETUSER', 'default', '+bzpopmin');
    await until(() => log.mock.calls.some(([line]) => line === 'rooms are taken again'), 15_000);
  }, 60_000);
});
