import { randomUUID } from 'node:crypto';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { BotLauncher } from '../bot/bot-launcher.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import { MissingBotLauncher } from '../bot/missing-bot-launcher.js';
import { SessionEnd, type SessionEndCode } from '../bot/session-end.js';
import { RunnerError } from '../errors/runner.error.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { Session } from './session.js';
import { SessionObservers } from './session-observers.js';
import { linkSession } from './session-of-arguments.js';

/** What a session is opened with. */
export interface OpenSession {
  /** Wire name of the transport. */
  readonly transport: string;
  /** What the caller passes to the bot, untouched. */
  readonly body?: unknown;
}

/**
 * The life of every session, and the only place that changes it. Capacity is decided here, in one synchronous step,
 * so two callers can never share the last place.
 */
@Injectable()
export class SessionRegistry implements BeforeApplicationShutdown {
  /** Who is told of what becomes of the sessions. */
  readonly observers = new SessionObservers();
  /** Waiting sessions in the order of their expiry (they all wait equally long), so one timer serves them all. */
  private readonly pending = new Map<string, Session>();
  private readonly active = new Map<string, Session>();
  /** Ended sessions whose rooms, sockets and timers are still being released. */
  private readonly releasing = new Set<Promise<void>>();
  private expiryTimer: NodeJS.Timeout | undefined;
  private draining = false;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly launcher: BotLauncher,
  ) {}

  /** How many sessions are not `ended`. */
  get size(): number {
    return this.pending.size + this.active.size;
  }

  /** The session, unless it has ended or never was. */
  get(id: string): Session | undefined {
    return this.pending.get(id) ?? this.active.get(id);
  }

  /** All sessions that have not ended. */
  *all(): Generator<Session> {
    yield* this.pending.values();
    yield* this.active.values();
  }

  /** @throws {RunnerError} `AT_CAPACITY` or `DRAINING`, when {@link open} would */
  refuseIfFull(): void {
    if (this.draining) {
      throw new RunnerError('DRAINING', 'The runner is shutting down and takes no new sessions.');
    }
    if (this.size >= this.options.maxSessions) {
      throw new RunnerError(
        'AT_CAPACITY',
        `All ${this.options.maxSessions} sessions of this runner are taken; try again later.`,
      );
    }
  }

  /**
   * Opens a `pending` session, which takes a place until it ends.
   * @throws {RunnerError} `AT_CAPACITY` or `DRAINING`
   */
  open({ transport, body }: OpenSession): Session {
    try {
      this.refuseIfFull();
    } catch (error) {
      throw this.observers.refused(error);
    }
    const session = new Session(randomUUID(), transport, body);
    this.pending.set(session.id, session);
    this.expiryTimer ??= setTimeout(() => this.expire(), this.options.pendingTtlMs).unref();
    this.observers.changed(session);
    return session;
  }

  /**
   * Opens a session and sets it up. When that throws, the session ends as `start_failed`, and what it held is released
   * without the caller having to wait.
   * @throws {RunnerError} `NO_BOT`, `AT_CAPACITY`, `DRAINING`, or what `setUp` throws
   */
  async start<T>(open: OpenSession, setUp: (session: Session) => Promise<T> | T): Promise<T> {
    let session: Session | undefined;
    try {
      MissingBotLauncher.refuse(this.launcher);
      session = this.open(open);
      return await setUp(session);
    } catch (error) {
      if (session) void this.stop(session, 'start_failed', 'The transport could not set it up.');
      throw this.observers.refused(error);
    }
  }

  /**
   * Takes a `pending` session for its caller, who thereby is the only one; `undefined` when there is none (any more).
   * @param transports the session must have been opened for one of these
   */
  claim(id: string, transports: readonly string[]): Session | undefined {
    const session = this.pending.get(id);
    if (!session || !transports.includes(session.transport)) return undefined;
    this.activate(session);
    return session;
  }

  /**
   * Starts the bot for a session, `pending` or claimed, and returns at once; `session.ended` tells the outcome.
   * The arguments get the session's id, and its body where it has one.
   */
  launch(session: Session, args: RunnerArguments): void {
    if (session.state.name === 'pending') this.activate(session);
    if (session.state.name !== 'launching' || session.botRuns) {
      throw new RunnerError(
        'WRONG_STATE',
        `Session ${session.id} is already ${session.state.name}.`,
      );
    }
    args.session_id = session.id;
    if (session.body !== undefined) args.body = session.body;
    if (this.options.cliArgs) args.cli_args ??= this.options.cliArgs;
    linkSession(args, session);
    session.onStop = (end) => void this.stopWith(session, end);
    void this.run(session, args);
  }

  /**
   * Ends a session. A running bot is asked through its signal, and after `stopGraceMs` no longer waited for.
   * The first reason given is the one that counts.
   * @returns the reason it ended with, once everything it held is released
   */
  stop(session: Session, code: SessionEndCode, message: string): Promise<SessionEnd> {
    return this.stopWith(session, new SessionEnd(code, message));
  }

  /** Takes no new sessions, ends all there are as `draining`, and waits until they have. */
  async drain(): Promise<void> {
    this.draining = true;
    const message = 'The runner is shutting down.';
    await Promise.all([...this.all()].map((session) => this.stop(session, 'draining', message)));
    await Promise.all(this.releasing);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.drain();
  }

  private stopWith(session: Session, end: SessionEnd): Promise<SessionEnd> {
    const reason =
      session.hangingUp && end.code === 'peer_left'
        ? new SessionEnd('completed', 'The bot hung up.')
        : end;
    if (session.state.name !== 'ended' && !session.endRequested) {
      if (!session.botRuns) {
        this.finish(session, reason);
      } else {
        session.requestEnd(reason);
        const grace = setTimeout(() => {
          session.logger.warn(
            `the bot did not return within ${this.options.stopGraceMs} ms; closing under it`,
          );
          this.finish(session, reason);
        }, this.options.stopGraceMs);
        session.hold(() => clearTimeout(grace));
      }
    }
    return session.ended;
  }

  private async run(session: Session, args: RunnerArguments): Promise<void> {
    session.botRuns = true;
    this.limit(
      session,
      this.options.maxSessionDurationMs,
      'too_long',
      'lasted longer than allowed',
    );
    const readyTimer = this.limit(
      session,
      this.options.readyTimeoutMs,
      'not_ready',
      'had no bot that called ready() in time',
    );
    session.whenReady(() => {
      clearTimeout(readyTimer);
      this.observers.changed(session);
    });
    let reason: SessionEnd;
    try {
      await this.observers.around(session, () => this.launcher.launch(args, session));
      reason = session.endRequested ?? new SessionEnd('completed', 'The bot returned.');
    } catch (error) {
      reason =
        session.endRequested ?? new SessionEnd('failed', 'The bot failed.', { cause: error });
      // What rejects because of the abort is the end at work, not a failure.
      if (error !== reason && (error as Error | null)?.name !== 'AbortError') {
        session.logger.error(
          `the bot threw: ${String(error)}`,
          error instanceof Error ? error.stack : undefined,
        );
      }
    }
    this.finish(session, reason);
  }

  private limit(
    session: Session,
    afterMs: number,
    code: SessionEndCode,
    what: string,
  ): NodeJS.Timeout | undefined {
    if (afterMs === Infinity) return undefined;
    const timer = setTimeout(
      () => void this.stop(session, code, `The session ${what} (${afterMs} ms).`),
      afterMs,
    );
    session.hold(() => clearTimeout(timer));
    return timer;
  }

  private activate(session: Session): void {
    this.pending.delete(session.id);
    this.active.set(session.id, session);
    session.state = { name: 'launching', sinceMs: Date.now() };
    this.observers.changed(session);
  }

  private finish(session: Session, reason: SessionEnd): void {
    if (session.state.name === 'ended') return;
    this.active.delete(session.id);
    this.pending.delete(session.id);
    if (this.pending.size === 0) {
      clearTimeout(this.expiryTimer);
      this.expiryTimer = undefined;
    }
    if (session.botRuns) session.logger.log(`ended: ${reason.code}`);
    const released = session.finish(reason);
    this.observers.changed(session);
    if (!released) return;
    this.releasing.add(released);
    void released.then(() => this.releasing.delete(released));
  }

  private expire(): void {
    this.expiryTimer = undefined;
    const now = Date.now();
    const reason = new SessionEnd('expired', 'Nobody connected in time.');
    for (const session of this.pending.values()) {
      const leftMs = session.createdAtMs + this.options.pendingTtlMs - now;
      if (leftMs > 0) {
        // Up to 1 % late, so that many starts in a row end in a few sweeps, not in one each.
        const nextMs = Math.max(leftMs, this.options.pendingTtlMs / 100);
        this.expiryTimer = setTimeout(() => this.expire(), nextMs).unref();
        return;
      }
      this.finish(session, reason);
    }
  }
}
