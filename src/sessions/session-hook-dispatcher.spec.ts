import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { BotLauncher } from '../bot/bot-launcher.js';
import { RunnerArguments } from '../bot/runner-arguments.js';
import { RunnerError } from '../errors/runner.error.js';
import { resolveRunnerOptions } from '../runner.options.js';
import { RecordingLauncher } from '../testing/recording-launcher.js';
import { SessionHookDispatcher } from './session-hook-dispatcher.js';
import { type RefusalRecord, SessionHooks, type SessionRecord } from './session-hooks.js';
import { LocalSessionRegistry } from './local-session-registry.js';
import { SessionEnd } from '../bot/session-end.js';

/** Hooks that keep what they are told, once whatever holds them up lets them. */
class Records extends SessionHooks {
  readonly ends: SessionRecord[] = [];
  readonly refusals: RefusalRecord[] = [];
  running = 0;
  mostRunning = 0;

  constructor(private readonly before: () => Promise<void> | void = () => undefined) {
    super();
  }

  async ended(record: SessionRecord): Promise<void> {
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    try {
      await this.before();
      this.ends.push(record);
    } finally {
      this.running--;
    }
  }

  override refused(record: RefusalRecord): void {
    this.refusals.push(record);
  }
}

let errors: string[];
beforeEach(() => {
  errors = [];
  jest.spyOn(Logger.prototype, 'log').mockReturnValue(undefined);
  jest.spyOn(Logger.prototype, 'error').mockImplementation((message: unknown) => {
    errors.push(String(message));
  });
});
afterEach(() => void jest.restoreAllMocks());

function runner(hooks: SessionHooks, options = {}, bot?: BotLauncher['launch']) {
  const resolved = resolveRunnerOptions({ sessionHookTimeoutMs: 200, ...options });
  const registry = new LocalSessionRegistry(resolved, new RecordingLauncher(bot));
  const dispatcher = new SessionHookDispatcher(resolved, hooks, registry);
  return { registry, dispatcher };
}

describe('the host’s hooks', () => {
  it('are told once of each session, with what there is to know', async () => {
    const records = new Records();
    const { registry, dispatcher } = runner(records);
    const session = registry.open({
      transport: 'twilio',
      principal: { id: 'acme', claims: { plan: 'gold' } },
      bot: 'sales',
      call: { direction: 'inbound', from: '+15550001', to: '+15550002', callId: 'CA1' },
    });
    registry.launch(session, new RunnerArguments());
    session.ready();
    await Promise.all([
      session.end(new SessionEnd('peer_left', 'The caller left.')),
      session.end(new SessionEnd('stopped', 'Too late.')),
    ]);
    await dispatcher.flush();
    expect(records.ends).toEqual([
      {
        sessionId: session.id,
        transport: 'twilio',
        bot: 'sales',
        principal: { id: 'acme', claims: { plan: 'gold' } },
        call: { direction: 'inbound', from: '+15550001', to: '+15550002', callId: 'CA1' },
        createdAt: expect.any(Date),
        connectedAt: expect.any(Date),
        readyAt: expect.any(Date),
        endedAt: expect.any(Date),
        durationMs: expect.any(Number),
        code: 'peer_left',
        message: 'The caller left.',
        refusal: undefined,
      },
    ]);
  });

  it('are told of each of many sessions, one after the other, and leave nothing to flush', async () => {
    const records = new Records();
    const { registry, dispatcher } = runner(records);
    for (let i = 1; i <= 100; i++) {
      await registry.open({ transport: 'websocket' }).end(new SessionEnd('stopped', 'enough'));
      await dispatcher.flush();
      expect(records.ends).toHaveLength(i);
    }
    expect(errors).toEqual([]);
  });

  it('are told of a session that nobody came for, of no time', async () => {
    const records = new Records();
    const { registry, dispatcher } = runner(records);
    const session = registry.open({ transport: 'websocket', connectTimeoutMs: 1 });
    await session.ended;
    await dispatcher.flush();
    expect(records.ends).toEqual([
      expect.objectContaining({ code: 'expired', durationMs: 0, connectedAt: undefined }),
    ]);
  });

  it('are told of a start that failed once, by its session', async () => {
    const records = new Records();
    const { registry, dispatcher } = runner(records);
    const failure = new RunnerError('PROVIDER_REFUSED', 'no room');
    await expect(
      registry.start({ transport: 'daily' }, () => Promise.reject(failure)),
    ).rejects.toBe(failure);
    await dispatcher.flush();
    expect(records.ends).toEqual([
      expect.objectContaining({ code: 'start_failed', refusal: 'PROVIDER_REFUSED' }),
    ]);
    expect(records.refusals).toEqual([]);
  });

  it('are told what was refused, but not what strangers are refused for', async () => {
    const records = new Records();
    const { registry, dispatcher } = runner(records, { maxSessions: 1 });
    registry.open({ transport: 'websocket' });
    expect(() => registry.open({ transport: 'plivo', principal: { id: 'acme' } })).toThrow(/taken/);
    registry.observers.refused(new RunnerError('UNAUTHORIZED', 'no key'));
    registry.observers.refused(new RunnerError('FORBIDDEN', 'no such origin'));
    registry.observers.refused(new TypeError('a secret of the code'), { transport: 'daily' });
    await dispatcher.flush();
    expect(records.refusals).toEqual([
      {
        transport: 'plivo',
        principal: { id: 'acme' },
        call: undefined,
        refusedAt: expect.any(Date),
        code: 'AT_CAPACITY',
        message: expect.stringMatching(/^All 1 sessions/),
      },
      expect.objectContaining({
        transport: 'daily',
        code: 'UNEXPECTED',
        message: 'The runner failed unexpectedly.',
      }),
    ]);
  });

  it.each<[string, () => Promise<void> | void]>([
    [
      'throw',
      () => {
        throw new Error('no database');
      },
    ],
    ['reject', () => Promise.reject(new Error('no database'))],
    ['reject with nothing', () => Promise.reject(Object.create(null) as Error)],
    ['never return', () => new Promise(() => undefined)],
  ])('change nothing when they %s, and the log says so', async (_, before) => {
    const { registry, dispatcher } = runner(new Records(before));
    const session = registry.open({ transport: 'websocket' });
    await session.end(new SessionEnd('stopped', ''));
    await dispatcher.flush();
    expect(errors[0]).toMatch(/^sessionHooks (failed for session|did not finish in time)/);
    expect(registry.size).toBe(0);
  });

  it('are not waited for by the session, nor by the next', async () => {
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const records = new Records(() => released);
    const { registry, dispatcher } = runner(records, { sessionHookTimeoutMs: 10_000 });
    for (let i = 0; i < 500; i++) {
      await registry.open({ transport: 'websocket' }).end(new SessionEnd('stopped', ''));
    }
    expect(records.ends).toEqual([]);
    expect(records.mostRunning).toBeLessThanOrEqual(64);
    release();
    await dispatcher.flush();
    expect(records.ends).toHaveLength(500);
    expect(new Set(records.ends.map(({ sessionId }) => sessionId)).size).toBe(500);
    expect(records.mostRunning).toBeLessThanOrEqual(64);
  });

  it('are dropped with a word in the log when ten thousand wait', async () => {
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const records = new Records(() => released);
    const { registry, dispatcher } = runner(records, { sessionHookTimeoutMs: 10_000 });
    for (let i = 0; i < 64 + 10_000 + 3; i++) {
      void registry.open({ transport: 'websocket' }).end(new SessionEnd('stopped', ''));
    }
    expect(errors).toHaveLength(3);
    expect(errors[0]).toMatch(/too slow; the record of session [\w-]+ is lost/);
    release();
    await dispatcher.flush();
    expect(records.ends).toHaveLength(10_064);
  });

  it('are waited for by a drain, but not for ever', async () => {
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const records = new Records(() => released);
    const { registry } = runner(records, { sessionHookTimeoutMs: 10_000 });
    registry.launch(registry.open({ transport: 'websocket' }), new RunnerArguments());
    let isDrained = false;
    const drained = registry.drain().then(() => (isDrained = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([registry.size, isDrained]).toEqual([0, false]);
    release();
    await drained;
    expect(records.ends).toEqual([expect.objectContaining({ code: 'draining' })]);

    const stuck = runner(new Records(() => new Promise(() => undefined)));
    stuck.registry.open({ transport: 'websocket' });
    await stuck.registry.drain();
    expect(errors.join()).toMatch(/1 record\(s\) may be lost|no result within 200 ms/);
  });
});
