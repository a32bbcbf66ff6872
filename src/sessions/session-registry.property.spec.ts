import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import type { Principal } from '../auth/runner-auth.js';
import { BotLauncher, type BotSession } from '../bot/bot-launcher.js';
import { RunnerArguments } from '../bot/runner-arguments.js';
import { RunnerError } from '../errors/runner.error.js';
import { resolveRunnerOptions } from '../runner.options.js';
import type { Session } from './session.js';
import { LocalSessionRegistry } from './local-session-registry.js';
import { SessionEnd } from '../bot/session-end.js';

Logger.overrideLogger(false);
beforeAll(() => void jest.useFakeTimers());
afterAll(() => void jest.useRealTimers());

const PRINCIPALS: Principal[] = [{}, { id: 'one', maxSessions: 1 }, { id: 'two', maxSessions: 2 }];
const PENDING_TTL_MS = 400;
const QUEUE_MS = 300;
const GRACE_MS = 50;

const principals = fc.constantFrom(...PRINCIPALS);
const which = fc.nat({ max: 20 });
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('open' as const), principal: principals }),
    fc.record({
      do: fc.constant('start' as const),
      principal: principals,
      setUp: fc.constantFrom('waits', 'launches', 'throws', 'rejects'),
      bot: fc.constantFrom('obeys', 'ignores', 'throws'),
    }),
    fc.record({
      do: fc.constantFrom('claim', 'launch', 'stop', 'return', 'fail', 'ready', 'leave' as const),
      which,
    }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 500 }) }),
    fc.record({ do: fc.constant('overload' as const), on: fc.boolean() }),
  ),
  { minLength: 1, maxLength: 60 },
);
type Step = (typeof steps extends fc.Arbitrary<infer T> ? T : never)[number];

/** A client of `/start`, and what became of it. */
interface Client {
  readonly principal: Principal;
  readonly socket: EventEmitter & { destroyed: boolean };
  outcome?: 'started' | 'refused' | 'failed';
  startedNo?: number;
}

/** A registry under random use, and what must be true of it at all times. */
class Run {
  private readonly bots = new Map<BotSession, { done(): void; failed(error: Error): void }>();
  private readonly temper = new Map<string, string>();
  private readonly launcher = new (class extends BotLauncher {
    constructor(private readonly run: Run) {
      super();
    }
    launch(_args: RunnerArguments, session: BotSession): Promise<void> {
      const bot = this.run.temper.get(session.id);
      if (bot === 'throws') throw new Error('boom');
      return new Promise((resolve, reject) => {
        this.run.bots.set(session, { done: resolve, failed: reject });
        if (bot !== 'ignores') session.signal.addEventListener('abort', () => resolve());
      });
    }
  })(this);
  private readonly registry: LocalSessionRegistry;
  private readonly clients: Client[] = [];
  private served = 0;

  constructor(private readonly maxSessions: number) {
    this.registry = new LocalSessionRegistry(
      resolveRunnerOptions({
        maxSessions,
        pendingTtlMs: PENDING_TTL_MS,
        startQueueMs: QUEUE_MS,
        maxQueuedStarts: 5,
        stopGraceMs: GRACE_MS,
      }),
      this.launcher,
    );
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'open':
        this.attempt(() =>
          this.registry.open({ transport: 'websocket', principal: step.principal }),
        );
        break;
      case 'start':
        void this.start(step.principal, step.setUp, step.bot);
        break;
      case 'overload':
        this.registry.setOverloaded(step.on);
        break;
      case 'wait':
        await jest.advanceTimersByTimeAsync(step.ms);
        break;
      case 'leave':
        if (this.clients.length > 0) {
          const { socket } = this.clients[step.which % this.clients.length]!;
          socket.destroyed = true;
          socket.emit('close');
        }
        break;
      default:
        this.touch(step.do, step.which);
    }
    // Whatever settled has consequences.
    await jest.advanceTimersByTimeAsync(0);
  }

  /** Checks what holds after every step. */
  check(): void {
    const { live, size } = this.registry;
    expect(size).toBeLessThanOrEqual(this.maxSessions);
    expect(live).toHaveLength(size);
    for (const { id, maxSessions } of PRINCIPALS) {
      if (id === undefined) continue;
      const held = live.filter(({ principal }) => principal?.id === id).length;
      expect(held).toBeLessThanOrEqual(maxSessions!);
    }
    // Nobody waits for a place that is there.
    for (const { principal } of this.waiting) {
      expect(this.registry.refusal(principal)).toBeInstanceOf(RunnerError);
    }
    // First come, first served.
    for (const { id } of PRINCIPALS) {
      const order = this.clients
        .filter(({ principal, startedNo }) => principal.id === id && startedNo !== undefined)
        .map(({ startedNo }) => startedNo!);
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
  }

  /** Lets everything end, and finds nothing left. */
  async end(): Promise<void> {
    for (const session of this.registry.live) {
      void session.end(new SessionEnd('stopped', 'the test is over'));
    }
    await jest.advanceTimersByTimeAsync(QUEUE_MS + PENDING_TTL_MS * 2 + GRACE_MS * 2);
    for (const session of this.registry.live) {
      void session.end(new SessionEnd('stopped', 'the test is over'));
    }
    await jest.advanceTimersByTimeAsync(GRACE_MS * 2);
    expect(this.registry.size).toBe(0);
    expect(this.waiting).toEqual([]);
    expect(this.clients.filter(({ socket }) => socket.listenerCount('close') > 0)).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
    // Not one place is lost, neither of the runner nor of anybody.
    this.registry.setOverloaded(false);
    for (const principal of PRINCIPALS) {
      const places = Math.min(this.maxSessions, principal.maxSessions ?? Infinity);
      const sessions = Array.from({ length: places }, () =>
        this.registry.open({ transport: 'websocket', principal }),
      );
      expect(this.registry.refusal(principal)?.code).toBe('AT_CAPACITY');
      for (const session of sessions) void session.end(new SessionEnd('stopped', ''));
    }
    expect(this.registry.size).toBe(0);
  }

  private get waiting(): Client[] {
    return this.clients.filter(({ outcome }) => outcome === undefined);
  }

  private async start(principal: Principal, setUp: string, bot: string): Promise<void> {
    const socket = Object.assign(new EventEmitter(), { destroyed: false });
    const client: Client = { principal, socket };
    this.clients.push(client);
    try {
      await this.registry.start(
        { transport: 'websocket', principal },
        (session) => {
          client.startedNo = this.served++;
          client.outcome = 'started';
          this.temper.set(session.id, bot);
          if (setUp === 'launches') this.registry.launch(session, new RunnerArguments());
          if (setUp === 'throws') throw new Error('no room');
          return setUp === 'rejects' ? Promise.reject(new Error('no room')) : undefined;
        },
        socket,
      );
    } catch (error) {
      client.outcome = error instanceof RunnerError ? 'refused' : 'failed';
    }
  }

  private touch(what: 'claim' | 'launch' | 'stop' | 'return' | 'fail' | 'ready', which: number) {
    const { live } = this.registry;
    if (live.length === 0) return;
    const session: Session = live[which % live.length]!;
    if (what === 'claim') this.registry.claim(session.id, ['websocket']);
    if (what === 'launch') this.attempt(() => this.registry.launch(session, new RunnerArguments()));
    if (what === 'stop') void session.end(new SessionEnd('stopped', 'enough'));
    if (what === 'ready') session.ready();
    if (what === 'return') this.bots.get(session)?.done();
    if (what === 'fail') this.bots.get(session)?.failed(new Error('boom'));
  }

  private attempt(action: () => unknown): void {
    try {
      action();
    } catch (error) {
      expect(error).toBeInstanceOf(RunnerError);
    }
  }
}

describe('places', () => {
  it('are never given twice, never lost and never withheld, whatever happens in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), steps, async (maxSessions, all) => {
        const run = new Run(maxSessions);
        for (const step of all) {
          await run.take(step);
          run.check();
        }
        await run.end();
      }),
      { numRuns: 3_000 },
    );
  }, 120_000);
});
