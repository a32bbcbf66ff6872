import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { RunnerLogger } from '../errors/runner-logger.js';
import { type HeldLoop, type LoopUser, watchLoop } from '../limits/event-loop.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import type { SessionObserver } from './session-observers.js';
import { SessionRegistry } from './session-registry.js';
import { Session } from './session.js';

/** Shortest time between two lines about the same session, in milliseconds. */
const AGAIN_MS = 60_000;
/** The most sessions that a line names. */
const MAX_NAMED = 5;

const ADVICE =
  'no other session had a turn; work that takes long belongs into a worker thread, or the bot into a process of its own (ProcessBotLauncher)';

/** Stands for whoever held the event loop where no bot was called before. */
const UNKNOWN: LoopUser = { id: 'unknown' };

/** Lines of a session in the log. */
interface Told {
  /** Monotonic time of the last one, in milliseconds. */
  atMs: number;
  /** Number of times that were not logged since. */
  more: number;
}

/**
 * Event-loop watchdog: logs which bot of this process holds the event loop for `blockedLoopWarnMs` or longer. Watches while there are sessions with a
 * client.
 */
@Injectable()
export class EventLoopWatchdog implements SessionObserver, OnModuleDestroy {
  private readonly logger = new RunnerLogger('PipecatRunner');
  private readonly running = new Set<Session>();
  /** This runner's sessions, and {@link UNKNOWN}. */
  private readonly told = new WeakMap<LoopUser, Told>();
  private unwatch: (() => void) | undefined;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly sessions: SessionRegistry,
  ) {
    this.told.set(UNKNOWN, newlyTold());
    if (options.blockedLoopWarnMs !== Infinity) sessions.observers.add(this);
  }

  changed(session: Session): void {
    if (session.state.name !== 'launching' || this.running.has(session)) return;
    this.running.add(session);
    this.told.set(session, newlyTold());
    this.unwatch ??= watchLoop({
      warnMs: this.options.blockedLoopWarnMs,
      held: (held) => this.held(held),
    });
    session.onEnd(() => {
      this.running.delete(session);
      if (this.running.size === 0) this.stop();
    });
  }

  onModuleDestroy(): void {
    this.stop();
  }

  private stop(): void {
    this.unwatch?.();
    this.unwatch = undefined;
  }

  private held({ ms, user = UNKNOWN, isCertain }: HeldLoop): void {
    const told = this.told.get(user);
    // Another runner of the process has that session.
    if (!told) return;
    this.sessions.observers.loopHeld(ms, isCertain);
    const nowMs = performance.now();
    if (nowMs - told.atMs < AGAIN_MS) {
      told.more++;
      return;
    }
    const more = told.more > 0 ? ` (and ${told.more} times since the last such line)` : '';
    Object.assign(told, { atMs: nowMs, more: 0 });
    this.warn(user, isCertain, `for ${Math.round(ms)} ms${more}; ${ADVICE}`);
  }

  private warn(user: LoopUser, isCertain: boolean, text: string): void {
    if (user instanceof Session) {
      const bot = user.bot === undefined ? '' : ` '${user.bot}'`;
      user.logger.warn(
        isCertain
          ? `the bot${bot} held the event loop ${text}`
          : `the event loop was held after a call of the bot${bot}, by it or by the host, ${text}`,
      );
      return;
    }
    const ids = [...this.running].slice(0, MAX_NAMED).map(({ id }) => id);
    const others = this.running.size - ids.length;
    const sessions = [...ids, ...(others > 0 ? [`${others} more`] : [])].join(', ');
    this.logger.warn(`a bot (sessions: ${sessions}) or the host held the event loop ${text}`);
  }
}

const newlyTold = (): Told => ({ atMs: -Infinity, more: 0 });
