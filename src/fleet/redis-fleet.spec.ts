import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { FLEET_SECRET } from '../../test/support/fleet-node.js';
import { describeWith } from '../../test/support/needs.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { ReplyProxy } from '../../test/support/reply-proxy.js';
import { TalkingLauncher } from '../../test/support/talking-launcher.js';
import { until } from '../../test/support/until.js';
import { RunnerArguments } from '../bot/runner-arguments.js';
import { SessionEnd } from '../bot/session-end.js';
import { resolveRunnerOptions, type RunnerOptions } from '../runner.options.js';
import { waitsUntil } from '../sessions/admission.js';
import { FleetSessionRegistry } from '../sessions/fleet-session-registry.js';
import type { OpenSession } from '../sessions/session-registry.js';
import { SessionTokens } from '../sessions/session-token.js';
import type { Session } from '../sessions/session.js';
import { RedisFleet } from './redis-fleet.js';
import type { RedisFleetOptions } from './redis-fleet.options.js';
import { RECORD_VERSION } from './session-directory.js';

const STOPPED = new SessionEnd('stopped', 'enough');
/** The secrets of two nodes. */
const FORMER = 'the secret before this one, also long enough';
const SECRETS: [string, string[], string[]][] = [
  ['with one secret', [FLEET_SECRET], [FLEET_SECRET]],
  ['while it is replaced', [FORMER, FLEET_SECRET], [FLEET_SECRET, FORMER]],
];
const TIMES = { heartbeatMs: 100, leaseMs: 600 };

describeWith('redis-server')('a fleet over Redis', () => {
  let redis: RedisServer;
  let proxy: ReplyProxy;
  let registries: FleetSessionRegistry[];
  let warn: jest.SpiedFunction<Logger['warn']>;

  const node = async (settings: Partial<RedisFleetOptions> = {}, options: RunnerOptions = {}) => {
    const fleet = new RedisFleet({
      ...{ redis: redis.url, secret: FLEET_SECRET, advertiseUrl: 'http://10.0.0.7:3000' },
      ...TIMES,
      ...settings,
    });
    const resolved = resolveRunnerOptions({ maxSessions: 10, stopGraceMs: 100, ...options });
    const launcher = new TalkingLauncher();
    const registry = new FleetSessionRegistry(resolved, launcher, undefined, fleet);
    registries.push(registry);
    const ends: string[] = [];
    registry.observers.add({
      changed: ({ id, state }) => state.name === 'ended' && ends.push(`${id} ${state.reason.code}`),
    });
    await fleet.join();
    return { registry, fleet, ends, launcher, options: resolved };
  };
  type Node = Awaited<ReturnType<typeof node>>;

  /** Starts a session that waits for its client, as POST /start does. @returns its id */
  const start = ({ registry }: Node, open: Partial<OpenSession> = {}): Promise<string> =>
    registry.start({ transport: 'websocket', ...open }, ({ id }) => id);

  /** Claims a session and launches its bot, as a gateway does. */
  const serve = async ({ registry }: Node, id: string): Promise<Session | undefined> => {
    const session = await registry.claim(id, ['websocket']);
    if (session) registry.launch(session, new RunnerArguments());
    return session;
  };

  beforeEach(async () => {
    registries = [];
    jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    redis = await RedisServer.start();
    proxy = await ReplyProxy.to(redis.port);
  });
  afterEach(async () => {
    for (const registry of registries) await registry.drain();
    await proxy.stop();
    await redis.stop();
    jest.restoreAllMocks();
  });

  it('serves a session on the node where its client comes, with its terms', async () => {
    const [a, b] = [await node(), await node()];
    const principal = { id: 'ada', claims: { plan: 'gold' } };
    const call = { direction: 'outbound', to: '+15550100' } as const;
    const id = await start(a, { body: { topic: 'billing' }, principal, bot: 'support', call });
    const session = await serve(b, id);
    expect(session).toMatchObject({ id, body: { topic: 'billing' }, bot: 'support', call });
    expect([session?.claims, session?.principal?.id]).toEqual([{ plan: 'gold' }, 'ada']);
    expect(await a.registry.claim(id, ['websocket'])).toBeUndefined();
    expect(await b.registry.claim(id, ['websocket'])).toBeUndefined();
    await session?.end(STOPPED);
    expect([a.ends, b.ends]).toEqual([[], [`${id} stopped`]]);
    await until(() => a.registry.size === 0);
  });

  it('serves at once what it has opened, though Redis was emptied and nobody knows yet', async () => {
    const a = await node({ heartbeatMs: 20_000, leaseMs: 60_000 });
    const id = await start(a, { body: { topic: 'billing' } });
    const ended = await start(a);
    await a.fleet.stopWaiting(ended, STOPPED);
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    expect(await serve(a, id)).toMatchObject({ id, body: { topic: 'billing' } });
    expect(await a.registry.claim(id, ['websocket'])).toBeUndefined();
    expect(await a.registry.claim(ended, ['websocket'])).toBeUndefined();
  });

  it('knows how far sessions are after Redis was emptied, and since when', async () => {
    const [a, b] = [await node(), await node()];
    const id = await start(a);
    await serve(a, id);
    const shown = () => b.fleet.find(id, undefined).catch(() => undefined);
    await until(async () => (await shown())?.state.name === 'running');
    const before = await shown();
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    await until(async () => (await shown()) !== undefined);
    const after = await shown();
    expect(after?.state).toEqual(before?.state);
    expect(after?.botStartMs).toBeCloseTo(before!.botStartMs!, -1);
    expect(Math.abs(after!.createdAtMs - before!.createdAtMs)).toBeLessThan(50);
  });

  it('leaves a session of a later version to nodes that can read it, and reads one back', async () => {
    const [a, b] = [await node(), await node()];
    const id = await start(a, { body: { topic: 'billing' } });
    const client = new Redis(redis.url);
    const write = (version: number) => client.hset(`pipecat:{pipecat}:s:${id}`, 'v', version);
    await write(RECORD_VERSION + 1);
    // The client comes again, to any node.
    await expect(b.registry.claim(id, ['websocket'])).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(warn).toHaveBeenCalledWith(
      `session ${id} cannot be read here: it is of another version, or sealed under another secret`,
    );
    await write(RECORD_VERSION - 1);
    client.disconnect();
    expect(await serve(b, id)).toMatchObject({ id, body: { topic: 'billing' } });
  });

  it('says once that the others do not know that it drains', async () => {
    const a = await node({ redis: proxy.url });
    proxy.cut();
    a.registry.close();
    await a.registry.drain();
    const lines = warn.mock.calls.map(([line]) => String(line));
    expect(lines.filter((line) => line.startsWith('others do not know'))).toHaveLength(1);
  });

  it('lets one of many claims win', async () => {
    const nodes = [await node(), await node(), await node()];
    const id = await start(nodes[0]!);
    const claims = [...nodes, ...nodes].map(async ({ registry }) =>
      registry.claim(id, ['websocket']),
    );
    const won = (await Promise.all(claims)).filter(Boolean);
    expect(won).toHaveLength(1);
  });

  it('gives the code that started a session its end, wherever it was', async () => {
    const [a, b] = [await node(), await node()];
    const cleanup = jest.fn<() => void>();
    const answered = jest.fn();
    const session = await a.registry.start({ transport: 'websocket' }, (one) => one);
    session.onEnd(cleanup);
    session.whenConnected(answered);
    const { ended } = session;
    const moved = await serve(b, session.id);
    await until(() => answered.mock.calls.length === 1);
    expect([a.registry.size, cleanup.mock.calls.length]).toEqual([0, 0]);
    await moved?.end(STOPPED);
    expect((await ended).code).toBe('stopped');
    expect(cleanup).toHaveBeenCalledTimes(1);
    expect([a.ends, a.registry.history.all]).toEqual([[], []]);
  });

  it('holds the limits of the fleet, of a caller and of a node', async () => {
    const settings = { maxSessions: 3 };
    const [a, b] = [await node(settings), await node(settings, { maxSessions: 1 })];
    const principal = { id: 'ada', maxSessions: 1 };
    const first = await start(a, { principal });
    await expect(start(b, { principal })).rejects.toThrow(/You hold all 1 sessions/);
    const second = await start(b);
    const third = await start(a);
    await expect(start(b)).rejects.toThrow(/All 3 sessions of this fleet are taken/);
    const session = await serve(b, first);
    await expect(serve(b, second)).rejects.toThrow(/All 1 sessions of this runner are taken/);
    await session?.end(STOPPED);
    await until(() => start(b, { principal }).then(Boolean, () => false));
    await (await serve(a, third))?.end(STOPPED);
    expect((await serve(b, second))?.id).toBe(second);
  });

  it('serves its start queue when another node frees a place', async () => {
    const settings = { maxSessions: 1 };
    const [a, b] = [await node(settings), await node(settings, { startQueueMs: 5_000 })];
    const session = await serve(a, await start(a));
    const client = waitsUntil(undefined);
    const queued = b.registry.start({ transport: 'websocket' }, ({ id }) => id, client);
    await until(() => b.registry.queued === 1);
    await session?.end(STOPPED);
    expect(await queued).toEqual(expect.any(String));
    expect(b.registry.queued).toBe(0);
  });

  it('reports a session that nobody came for once', async () => {
    const [a, b] = [await node(), await node()];
    const id = await start(a, { connectTimeoutMs: 50, principal: { id: 'ada' } });
    await until(() => a.ends.length + b.ends.length > 0);
    await until(() => a.registry.size === 0);
    expect([...a.ends, ...b.ends]).toEqual([`${id} expired`]);
    expect(await a.fleet.find(id, undefined)).toMatchObject({
      state: { name: 'ended', reason: { code: 'expired' } },
    });
  });

  it('reports the sessions of a node that is gone as lost, once', async () => {
    const a = await node({ redis: proxy.url });
    const [b, c] = [await node(), await node()];
    const id = await start(b, { body: 1, principal: { id: 'ada' } });
    const session = await serve(a, id);
    proxy.cut();
    await until(() => b.ends.length + c.ends.length > 0);
    expect([...b.ends, ...c.ends]).toEqual([`${id} lost`]);
    await until(() => b.registry.size === 0);
    // Its node comes back, and its end is told no more.
    proxy.heal();
    await until(() => session?.isDiscarded === true);
    await session?.end(STOPPED);
    expect([a.ends, [...b.ends, ...c.ends]]).toEqual([[], [`${id} lost`]]);
  });

  it('abandons the session of a call on another node, and tells its terms to no other call', async () => {
    const [a, b] = [await node(), await node()];
    const call = { direction: 'inbound', callId: 'CA1' } as const;
    const id = await start(a, { call, body: { topic: 'billing' } });
    const session = await serve(a, id);
    expect(await b.fleet.abandon(id, 'CA2')).toEqual({ isOther: true });
    expect(await b.fleet.find(id, undefined)).toBeDefined();
    expect(await b.fleet.abandon(id, 'CA1')).toMatchObject({
      terms: { body: { topic: 'billing' } },
    });
    await session?.end(STOPPED);
    for (const { fleet } of [a, b]) {
      await until(async () => (await fleet.abandon(id, 'CA1')).code === 'stopped');
    }
    expect([a.ends, b.ends]).toEqual([[`${id} stopped`], []]);
  });

  it('lists the sessions of all nodes', async () => {
    const [a, b] = [await node(), await node()];
    const pending = await start(a);
    const running = await start(a);
    const over = await start(a);
    await serve(b, running);
    await (await serve(b, over))?.end(STOPPED);
    const listed = async ({ fleet, registry }: Node) =>
      Object.fromEntries(
        (await fleet.list(registry.live)).map(({ id, state }) => [id, state.name]),
      );
    const all = { [pending]: 'pending', [running]: 'running', [over]: 'ended' };
    for (const one of [a, b]) {
      await until(async () => (await listed(one))[running] === 'running');
      await until(async () => (await listed(one))[over] === 'ended');
      expect(await listed(one)).toEqual(all);
    }
    expect(await a.fleet.find(running, undefined)).toMatchObject({ id: running });
    expect(await a.fleet.find('unknown', undefined)).toBeUndefined();
  });

  it.each(SECRETS)(
    'answers a webhook once, whichever nodes it comes to, %s',
    async (_, one, other) => {
      const [a, b] = [await node({ secret: one }), await node({ secret: other })];
      let count = 0;
      const answer = async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return { room: ++count };
      };
      const all = [a, b, a, b].map(({ fleet }) => fleet.once('call 1', answer));
      expect(await Promise.all(all)).toEqual(Array(4).fill({ room: 1 }));
      const failing = () => Promise.reject(new Error('no room'));
      await expect(a.fleet.once('call 2', failing)).rejects.toThrow('no room');
      expect(await b.fleet.once('call 2', answer)).toEqual({ room: 2 });
    },
  );

  it.each(SECRETS)(
    'counts a session as the principal of a later decision, %s',
    async (_, one, two) => {
      const [a, b] = [await node({ secret: one }), await node({ secret: two })];
      const session = await a.registry.open({ transport: 'telephony', isConnected: true });
      const principal = { id: 'ada', maxSessions: 1 };
      await a.registry.adopt(session, { principal, body: 1 });
      expect([session.principal?.id, session.body]).toEqual(['ada', 1]);
      await expect(start(b, { principal })).rejects.toThrow(/You hold all 1/);
      const other = await b.registry.open({ transport: 'telephony', isConnected: true });
      await expect(b.registry.adopt(other, { principal })).rejects.toThrow(/You hold all 1/);
      await session.end(STOPPED);
      await until(() => start(b, { principal }).then(Boolean, () => false));
    },
  );

  it('starts the bot of a room where it was opened, and takes its place at once', async () => {
    const [a, b] = [await node({}, { maxSessions: 1 }), await node()];
    const room: OpenSession = { transport: 'daily', kind: 'room' };
    const set = (session: Session) => {
      a.registry.launch(session, new RunnerArguments());
      return session;
    };
    const session = await a.registry.start(room, set);
    await until(() => a.launcher.launched.length === 1);
    expect(await b.registry.claim(session.id, ['daily'])).toBeUndefined();
    await expect(a.registry.start(room, set)).rejects.toThrow(/All 1 sessions of this runner/);
  });

  it('starts no bot of a session that another node has', async () => {
    const [a, b] = [await node(), await node()];
    const session = await a.registry.open({ transport: 'websocket' });
    await serve(b, session.id);
    a.registry.launch(session, new RunnerArguments());
    expect((await session.ended).code).toBe('failed');
    expect([a.launcher.launched, b.launcher.launched]).toEqual([[], [session.id]]);
  });

  it('admits sockets while Redis is away, and tells it later', async () => {
    const [a, b] = [await node({ redis: proxy.url }, { maxSessions: 1 }), await node()];
    const waiting = await start(b);
    proxy.cut();
    const open = { transport: 'websocket', isConnected: true };
    const session = await a.registry.open(open);
    await expect(a.registry.open(open)).rejects.toThrow(/All 1 sessions of this runner/);
    await expect(start(a)).rejects.toMatchObject({ code: 'OVERLOADED', status: 503 });
    await expect(serve(a, waiting)).rejects.toMatchObject({ code: 'OVERLOADED' });
    proxy.heal();
    await until(async () => (await b.fleet.find(session.id, undefined)) !== undefined);
    await session.end(STOPPED);
    await until(async () => {
      const found = await b.fleet.find(session.id, undefined);
      return found?.state.name === 'ended' && found.state.reason.code === 'stopped';
    });
  });

  it('refuses sockets while Redis is away, if that is wanted', async () => {
    const a = await node({ redis: proxy.url, whenRedisIsDown: 'refuse' });
    proxy.cut();
    const open = { transport: 'websocket', isConnected: true };
    await expect(a.registry.open(open)).rejects.toMatchObject({ code: 'OVERLOADED' });
    await expect(a.fleet.once('call', async () => 1)).rejects.toMatchObject({ code: 'OVERLOADED' });
  });

  it('leaves waiting sessions to the others when it shuts down', async () => {
    const [a, b] = [await node(), await node()];
    const id = await start(a, { body: 1 });
    const started = await a.registry.start({ transport: 'websocket' }, (one) => one);
    const { ended } = started;
    await a.registry.drain();
    expect((await ended).code).toBe('draining');
    expect(a.ends).toEqual([]);
    expect(await serve(b, id)).toMatchObject({ id, body: 1 });
  });

  it('gives a session back whose claim is under way when it begins to drain', async () => {
    const [a, b] = [await node(), await node()];
    const id = await start(a, { body: { topic: 'billing' } });
    redis.pause();
    const claim = b.registry.claim(id, ['websocket']);
    const drained = b.registry.drain();
    redis.resume();
    await expect(claim).rejects.toMatchObject({ code: 'DRAINING' });
    await drained;
    expect(await serve(a, id)).toMatchObject({ id, body: { topic: 'billing' } });
    expect([a.ends, b.ends]).toEqual([[], []]);
  });

  it('refuses what it opens for a client that is there while it begins to drain', async () => {
    const [a, b] = [await node(), await node()];
    redis.pause();
    const opening = b.registry.open({ transport: 'twilio', isConnected: true });
    const waiting = start(b);
    const drained = b.registry.drain();
    redis.resume();
    await expect(opening).rejects.toMatchObject({ code: 'DRAINING' });
    const id = await waiting;
    await drained;
    expect(await serve(a, id)).toMatchObject({ id });
    expect(b.ends).toEqual([]);
  });

  it('takes the tokens of other nodes, and of the secret before', async () => {
    const a = await node({ secret: FORMER });
    const b = await node({ secret: [FLEET_SECRET, FORMER], namespace: 'other' });
    const token = new SessionTokens(a.options, a.fleet).issue({ id: 'one' } as Session);
    const named = { sessionId: 'one', opener: a.fleet.peers.name };
    expect(new SessionTokens(b.options, b.fleet).read(token)).toEqual(named);
    const c = await node({ namespace: 'third' });
    expect(new SessionTokens(c.options, c.fleet).sessionIdOf(token)).toBeUndefined();
  });

  it('needs a number of sessions for the node, and a fleet for each runner', async () => {
    const { fleet, options } = await node();
    const again = () => new FleetSessionRegistry(options, new TalkingLauncher(), undefined, fleet);
    expect(again).toThrow(/fleet serves another runner already/);
    await expect(node({}, { maxSessions: Infinity })).rejects.toThrow(
      /maxSessions must be a number/,
    );
  });
});
