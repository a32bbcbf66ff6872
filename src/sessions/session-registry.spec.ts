import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { BotLauncher, type BotSession } from '../bot/bot-launcher.js';
import { RunnerArguments } from '../bot/runner-arguments.js';
import { SessionEnd } from '../bot/session-end.js';
import { resolveRunnerOptions, type RunnerOptions } from '../runner.options.js';
import type { Cleanup } from './session-state.js';
import type { Session } from './session.js';
import { waitsUntil } from './admission.js';
import { LocalSessionRegistry } from './local-session-registry.js';

Logger.overrideLogger(false);

type Bot = BotLauncher['launch'];

function registryWith(bot: Bot, options: RunnerOptions = {}): LocalSessionRegistry {
  const launcher = new (class extends BotLauncher {
    launch = bot;
  })();
  return new LocalSessionRegistry(resolveRunnerOptions(options), launcher);
}

const NOTHING = undefined as unknown as Error;

/** A bot that stays until it is asked to stop. */
const obedient: Bot = (_args, session) =>
  new Promise((_, reject) => {
    session.ready();
    session.signal.addEventListener('abort', () => reject(session.signal.reason as Error));
  });

const stubborn: Bot = (_args, session) => {
  session.ready();
  return new Promise(() => undefined);
};

function start(registry: LocalSessionRegistry, release: Cleanup = jest.fn<Cleanup>()): Session {
  const session = registry.open({ transport: 'websocket', body: { a: 1 } });
  session.onEnd(release);
  registry.launch(session, new RunnerArguments());
  return session;
}

afterEach(() => void jest.useRealTimers());

describe('SessionRegistry', () => {
  it('counts as the bot’s end that the peer leaves once the bot hangs up', async () => {
    const registry = registryWith(obedient);
    const [hungUp, other] = [start(registry), start(registry)];
    hungUp.leaves(new SessionEnd('completed', 'The bot hung up.'));
    for (const session of [hungUp, other]) await session.end(new SessionEnd('peer_left', 'gone'));
    expect(await hungUp.ended).toMatchObject({ code: 'completed', message: 'The bot hung up.' });
    expect(await other.ended).toMatchObject({ code: 'peer_left' });
  });

  it('plays the audio of a bot that has returned, and ends at once for another reason', async () => {
    const registry = registryWith(async (_args, session) => {
      session.onRequest(() => new Response());
    });
    const sessions = Array.from({ length: 3 }, () =>
      registry.open({ transport: 'websocket', isConnected: true }),
    );
    const played: (() => void)[] = [];
    for (const session of sessions) {
      session.context.playOut = () => new Promise((resolve) => played.push(resolve));
      session.signal.addEventListener('abort', () => played[sessions.indexOf(session)]!());
      registry.launch(session, new RunnerArguments());
    }
    await new Promise(setImmediate);
    expect(sessions.map(({ state, ending }) => [state.name, ending])).toEqual(
      new Array(3).fill(['launching', undefined]),
    );
    expect(sessions.map(({ requestHandler }) => requestHandler)).toEqual(
      new Array(3).fill(undefined),
    );
    const [whole, left, stopped] = sessions;
    played[0]!();
    void left!.end(new SessionEnd('peer_left', 'gone'));
    void stopped!.end(new SessionEnd('stopped', 'enough'));
    for (const session of [whole!, left!]) {
      expect(await session.ended).toMatchObject({
        code: 'completed',
        message: 'The bot returned.',
      });
    }
    expect(await stopped!.ended).toMatchObject({ code: 'stopped', message: 'enough' });
  });

  it('plays the audio of a bot that has returned for longer than it had to be ready', async () => {
    jest.useFakeTimers();
    const registry = registryWith(() => Promise.resolve(), { readyTimeoutMs: 1_000 });
    const session = registry.open({ transport: 'websocket', isConnected: true });
    let played!: () => void;
    session.context.playOut = () => new Promise((resolve) => (played = resolve));
    registry.launch(session, new RunnerArguments());
    await jest.advanceTimersByTimeAsync(1_000);
    expect(session.ending).toBeUndefined();
    played();
    await expect(session.ended).resolves.toMatchObject({ code: 'completed' });
  });

  it('ends as failed, and not the process, when a listener of the signal throws', async () => {
    const registry = registryWith(async (_args, { signal }) => {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          resolve();
          throw new Error('boom');
        });
      });
    });
    const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const end = await start(registry).end(new SessionEnd('stopped', 'enough'));
    await new Promise(setImmediate);
    expect(end.code).toBe('stopped');
    expect(log.mock.calls[0]?.[0]).toBe('a listener of the bot threw: Error: boom');
    log.mockRestore();
  });

  it('hands the bot its id and body, and ends when the bot returns', async () => {
    let seen: RunnerArguments | undefined;
    let states: string[] = [];
    const registry = registryWith(async (args, session) => {
      seen = args;
      states = [(session as Session).state.name];
      session.ready();
      states.push((session as Session).state.name);
    });
    const release = jest.fn<Cleanup>();
    const session = start(registry, release);
    await expect(session.ended).resolves.toMatchObject({ code: 'completed' });
    expect(seen).toMatchObject({ session_id: session.id, body: { a: 1 } });
    expect(states).toEqual(['launching', 'running']);
    expect(session.state.name).toBe('ended');
    expect(release).toHaveBeenCalledTimes(1);
    expect(registry.size).toBe(0);
    expect(registry.get(session.id)).toBeUndefined();
  });

  it.each<[string, Bot]>([
    ['rejects', () => Promise.reject(new Error('boom'))],
    [
      'throws at once',
      () => {
        throw new Error('boom');
      },
    ],
    ['rejects with nothing', () => Promise.reject(NOTHING)],
  ])('ends as failed when the bot %s', async (_, bot) => {
    const release = jest.fn<Cleanup>();
    const registry = registryWith(bot);
    await expect(start(registry, release).ended).resolves.toMatchObject({ code: 'failed' });
    expect(release).toHaveBeenCalledTimes(1);
    expect(registry.size).toBe(0);
  });

  it('stops a bot through its signal, whose reason is the end', async () => {
    const registry = registryWith(obedient);
    const session = start(registry);
    const end = await session.end(new SessionEnd('stopped', 'enough'));
    expect(end).toBeInstanceOf(SessionEnd);
    expect(end.code).toBe('stopped');
    expect(session.signal.reason).toBe(end);
  });

  it('keeps the first of several reasons', async () => {
    const registry = registryWith(obedient);
    const session = start(registry);
    const [first, second] = await Promise.all([
      session.end(new SessionEnd('peer_left', 'gone')),
      session.end(new SessionEnd('stopped', 'enough')),
    ]);
    expect(first.code).toBe('peer_left');
    expect(second).toBe(first);
    await expect(session.end(new SessionEnd('stopped', 'again'))).resolves.toBe(first);
  });

  it('keeps the first of several reasons for a bot that is about to return', async () => {
    let done!: () => void;
    const registry = registryWith(() => new Promise((resolve) => (done = resolve)));
    const session = start(registry);
    session.decide(new SessionEnd('completed', 'The bot says so.'));
    session.decide(new SessionEnd('stopped', 'enough'));
    done();
    await expect(session.ended).resolves.toMatchObject({ code: 'completed' });
  });

  it('no longer waits for a bot that never returns, once the grace is over', async () => {
    jest.useFakeTimers();
    const release = jest.fn<Cleanup>();
    const registry = registryWith(stubborn, { stopGraceMs: 1_000 });
    const session = start(registry, release);
    const ended = session.end(new SessionEnd('stopped', 'enough'));
    jest.advanceTimersByTime(999);
    expect(session.state.name).toBe('running');
    jest.advanceTimersByTime(1);
    await expect(ended).resolves.toMatchObject({ code: 'stopped' });
    expect(release).toHaveBeenCalledTimes(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('stops a session in every state', async () => {
    const registry = registryWith(obedient);
    const pending = registry.open({ transport: 'websocket' });
    const claimed = registry.open({ transport: 'websocket' });
    expect(registry.claim(claimed.id, ['websocket'])).toBe(claimed);
    const running = start(registry);
    for (const session of [pending, claimed, running]) {
      await expect(session.end(new SessionEnd('stopped', ''))).resolves.toMatchObject({
        code: 'stopped',
      });
    }
    expect(registry.size).toBe(0);
  });

  it('lets a session be claimed once, and only for its transport', () => {
    const registry = registryWith(obedient);
    const { id } = registry.open({ transport: 'websocket' });
    expect(registry.claim(id, ['twilio'])).toBeUndefined();
    expect(registry.claim(id, ['twilio', 'websocket'])).toBeDefined();
    expect(registry.claim(id, ['websocket'])).toBeUndefined();
    expect(registry.claim('unknown', ['websocket'])).toBeUndefined();
  });

  it('refuses to launch a session twice', async () => {
    const registry = registryWith(obedient);
    const session = start(registry);
    expect(() => registry.launch(session, new RunnerArguments())).toThrow(/already/);
    await session.end(new SessionEnd('stopped', ''));
    expect(() => registry.launch(session, new RunnerArguments())).toThrow(/already ended/);
  });

  it('expires the ones nobody comes for, each in its time, and leaves no timer', async () => {
    jest.useFakeTimers();
    const registry = registryWith(obedient, { pendingTtlMs: 1_000 });
    const first = registry.open({ transport: 'websocket' });
    jest.advanceTimersByTime(600);
    const second = registry.open({ transport: 'websocket' });
    jest.advanceTimersByTime(400);
    expect([first.state.name, second.state.name]).toEqual(['ended', 'pending']);
    await expect(first.ended).resolves.toMatchObject({ code: 'expired' });
    jest.advanceTimersByTime(600);
    expect(second.state.name).toBe('ended');
    expect(registry.size).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('waits connectTimeoutMs for a client, and keeps a session whose client came', async () => {
    jest.useFakeTimers();
    const registry = registryWith(obedient);
    const open = (): Session => registry.open({ transport: 'websocket', connectTimeoutMs: 100 });
    const [came, missed] = [open(), open()];
    registry.launch(came, new RunnerArguments());
    jest.advanceTimersByTime(100);
    expect(came.ending).toBeUndefined();
    await expect(missed.ended).resolves.toMatchObject({ code: 'expired' });
    await came.end(new SessionEnd('stopped', 'enough'));
    expect(jest.getTimerCount()).toBe(0);
  });

  it('expires a pending session that follows when the last one was gone', async () => {
    jest.useFakeTimers();
    const registry = registryWith(obedient, { pendingTtlMs: 1_000 });
    await registry.open({ transport: 'websocket' }).end(new SessionEnd('stopped', 'changed mind'));
    const second = registry.open({ transport: 'websocket' });
    jest.advanceTimersByTime(1_000);
    await expect(second.ended).resolves.toMatchObject({ code: 'expired' });
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([-3_600_000, 3_600_000])(
    'expires the ones nobody comes for in their time when the clock is set by %i ms',
    async (byMs) => {
      jest.useFakeTimers();
      const registry = registryWith(obedient, { pendingTtlMs: 1_000 });
      const pending = registry.open({ transport: 'websocket' });
      const running = start(registry);
      jest.setSystemTime(Date.now() + byMs);
      jest.advanceTimersByTime(999);
      expect(pending.state.name).toBe('pending');
      jest.advanceTimersByTime(2);
      expect(pending.state.name).toBe('ended');
      const end = running.end(new SessionEnd('stopped', ''));
      await jest.advanceTimersByTimeAsync(0);
      await end;
      const { state } = running;
      if (state.name !== 'ended') throw new Error('it has not ended');
      expect(state.atMs - state.connectedAtMs!).toBe(1_001);
    },
  );

  it('keeps nothing of ten thousand starts that nobody came for', () => {
    jest.useFakeTimers();
    const registry = registryWith(obedient, { pendingTtlMs: 1_000 });
    const ids = Array.from({ length: 10_000 }, () => registry.open({ transport: 'websocket' }).id);
    expect(registry.size).toBe(10_000);
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(1_000);
    expect(registry.size).toBe(0);
    expect(ids.filter((id) => registry.get(id))).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('never holds more than maxSessions, and frees a place when one ends', async () => {
    const registry = registryWith(obedient, { maxSessions: 2 });
    const one = start(registry);
    registry.open({ transport: 'websocket' });
    expect(() => registry.open({ transport: 'websocket' })).toThrow(
      expect.objectContaining({ code: 'AT_CAPACITY', status: 429 }),
    );
    await one.end(new SessionEnd('stopped', ''));
    expect(registry.open({ transport: 'websocket' })).toBeDefined();
  });

  it('counts a principal by the id that it had when its session was opened', async () => {
    const registry = registryWith(obedient);
    let reads = 0;
    const changing = {
      maxSessions: 1,
      get id() {
        return `id-${reads++}`;
      },
    };
    const session = registry.open({ transport: 'websocket', principal: changing });
    expect(session.principal).toMatchObject({ id: 'id-0' });
    expect(registry.refusal({ id: 'id-0', maxSessions: 1 })?.code).toBe('AT_CAPACITY');
    await session.end(new SessionEnd('stopped', ''));
    expect(registry.refusal({ id: 'id-0', maxSessions: 1 })).toBeUndefined();
  });

  it('opens nothing for a principal that cannot be read', () => {
    const registry = registryWith(obedient, { maxSessions: 1 });
    const broken = {
      get id(): string {
        throw new Error('no such tenant');
      },
    };
    expect(() => registry.open({ transport: 'websocket', principal: broken })).toThrow('no such');
    expect(registry.size).toBe(0);
    expect(registry.open({ transport: 'websocket' })).toBeDefined();
  });

  it('frees the place of the principal that a session had before it was adopted', async () => {
    const registry = registryWith(obedient);
    const session = registry.open({ transport: 'twilio', principal: { id: 'a', maxSessions: 1 } });
    registry.adopt(session, { principal: { id: 'b', maxSessions: 1 } });
    expect(registry.refusal({ id: 'a', maxSessions: 1 })).toBeUndefined();
    expect(registry.refusal({ id: 'b', maxSessions: 1 })?.code).toBe('AT_CAPACITY');
    await session.end(new SessionEnd('stopped', ''));
    expect(registry.refusal({ id: 'b', maxSessions: 1 })).toBeUndefined();
  });

  it('ends a bot that is not ready in time, and one that lasts too long', async () => {
    jest.useFakeTimers();
    const silent: Bot = (_args, session) =>
      new Promise((resolve) => session.signal.addEventListener('abort', () => resolve()));
    const options = { readyTimeoutMs: 1_000, maxSessionDurationMs: 5_000 };
    const late = start(registryWith(silent, options));
    const long = start(registryWith(obedient, options));
    await jest.advanceTimersByTimeAsync(1_000);
    await expect(late.ended).resolves.toMatchObject({ code: 'not_ready' });
    expect(long.state.name).toBe('running');
    await jest.advanceTimersByTimeAsync(4_000);
    await expect(long.ended).resolves.toMatchObject({ code: 'too_long' });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('refuses a start of an overloaded runner at once, for it has no place to wait for', async () => {
    const registry = registryWith(obedient, { startQueueMs: 10_000 });
    registry.setOverloaded(true);
    const started = registry.start({ transport: 'daily' }, () => undefined, waitsUntil(undefined));
    expect(registry.queued).toBe(0);
    await expect(started).rejects.toMatchObject({ code: 'OVERLOADED' });
  });

  it('queues no start whose client is gone', async () => {
    const registry = registryWith(obedient, { startQueueMs: 10_000, maxSessions: 1 });
    start(registry);
    const started = registry.start(
      { transport: 'daily' },
      () => undefined,
      waitsUntil(AbortSignal.abort()),
    );
    expect(registry.queued).toBe(0);
    await expect(started).rejects.toMatchObject({ code: 'AT_CAPACITY' });
    await registry.drain();
  });

  it('drains only when the cleanups of sessions that ended before are done', async () => {
    const registry = registryWith(() => Promise.resolve());
    let release!: () => void;
    const room = new Promise<void>((resolve) => (release = resolve));
    void start(registry, () => room).end(new SessionEnd('stopped', 'enough'));
    await new Promise(setImmediate);
    expect(registry.size).toBe(0);
    const drained = jest.fn();
    const draining = registry.drain().then(drained);
    await new Promise(setImmediate);
    expect(drained).not.toHaveBeenCalled();
    release();
    await draining;
  });

  it('drains: ends everything, and takes nothing new', async () => {
    const registry = registryWith(obedient);
    const sessions = [start(registry), registry.open({ transport: 'websocket' })];
    await registry.drain();
    for (const session of sessions) {
      await expect(session.ended).resolves.toMatchObject({ code: 'draining' });
    }
    expect(() => registry.open({ transport: 'websocket' })).toThrow(
      expect.objectContaining({ code: 'DRAINING', status: 503 }),
    );
  });

  it('closes: refuses and ends who has no caller, and leaves the others alone', async () => {
    const registry = registryWith(obedient);
    const running = start(registry);
    const claimed = registry.open({ transport: 'websocket' });
    registry.claim(claimed.id, ['websocket']);
    const pending = registry.open({ transport: 'websocket' });
    expect(registry.close()).toEqual([running, claimed]);
    await expect(pending.ended).resolves.toMatchObject({ code: 'draining' });
    expect(running.signal.aborted).toBe(false);
    const draining = expect.objectContaining({ code: 'DRAINING' });
    expect(() => registry.open({ transport: 'websocket' })).toThrow(draining);
    expect(() => registry.claim(pending.id, ['websocket'])).toThrow(draining);
    expect(() => registry.require(pending.id)).toThrow(draining);
    expect(registry.require(running.id)).toBe(running);
    // Its caller is on the line, so its bot may still start.
    registry.launch(claimed, new RunnerArguments());
    await registry.drain();
    await expect(claimed.ended).resolves.toMatchObject({ code: 'draining' });
  });

  it('tells a start that is still being set up that the runner is draining', async () => {
    const registry = registryWith(obedient);
    let roomIsThere!: () => void;
    const room = new Promise<void>((resolve) => (roomIsThere = resolve));
    const release = jest.fn<Cleanup>();
    const started = registry.start({ transport: 'daily' }, async (session) => {
      session.onEnd(release);
      await room;
      registry.launch(session, new RunnerArguments());
    });
    await registry.drain();
    roomIsThere();
    await expect(started).rejects.toMatchObject({ code: 'DRAINING', status: 503 });
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('remembers the sessions that ended last, and nothing that they were given', async () => {
    const registry = registryWith(obedient, { sessionHistory: 2 });
    const sessions = [start(registry), start(registry), start(registry)];
    for (const session of sessions)
      await session.end(new SessionEnd('stopped', 'a reason, in confidence'));
    expect(registry.history.all.map(({ id }) => id)).toEqual([sessions[1]!.id, sessions[2]!.id]);
    expect(registry.history.get(sessions[2]!.id)).toEqual({
      id: sessions[2]!.id,
      transport: 'websocket',
      createdAtMs: sessions[2]!.createdAtMs,
      botStartMs: expect.any(Number),
      state: { name: 'ended', atMs: expect.any(Number), reason: { code: 'stopped' } },
    });
  });

  it('remembers none, where that is wanted', async () => {
    const registry = registryWith(obedient, { sessionHistory: 0 });
    await start(registry).end(new SessionEnd('stopped', ''));
    expect(registry.history.all).toEqual([]);
  });

  it('releases everything held, last first, though one release fails', async () => {
    const registry = registryWith(() => Promise.resolve());
    const order: number[] = [];
    const session = registry.open({ transport: 'websocket' });
    session.onEnd(() => void order.push(1));
    session.onEnd(() => {
      order.push(2);
      throw new Error('stuck');
    });
    session.onEnd(async () => void order.push(3));
    registry.launch(session, new RunnerArguments());
    await session.ended;
    expect(order).toEqual([3, 2, 1]);
    session.onEnd(() => void order.push(4));
    expect(order).toEqual([3, 2, 1, 4]);
  });

  it('resolves ended after the releases, also for a listener of the signal that asks for it', async () => {
    const registry = registryWith(() => Promise.resolve());
    const session = registry.open({ transport: 'websocket' });
    const order: string[] = [];
    let asked: Promise<unknown> | undefined;
    session.onEnd(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push('released');
    });
    session.signal.addEventListener('abort', () => {
      asked = session.ended.then(() => order.push('ended'));
    });
    registry.launch(session, new RunnerArguments());
    await session.ended;
    await asked;
    expect(order).toEqual(['released', 'ended']);
  });

  it('gives a signal that is aborted already when it is first asked for after the end', async () => {
    const registry = registryWith(() => Promise.resolve());
    const session = registry.open({ transport: 'websocket' });
    await session.end(new SessionEnd('stopped', 'enough'));
    expect(session.signal.aborted).toBe(true);
    expect(session.signal.reason).toMatchObject({ code: 'stopped' });
  });

  it('ignores ready() once the end was asked for', async () => {
    let kept: BotSession | undefined;
    const registry = registryWith(
      (_args, session) => {
        kept = session;
        return new Promise(() => undefined);
      },
      { stopGraceMs: 0 },
    );
    const session = start(registry);
    const ended = session.end(new SessionEnd('stopped', ''));
    kept?.ready();
    expect(session.state.name).toBe('launching');
    await ended;
  });
});
