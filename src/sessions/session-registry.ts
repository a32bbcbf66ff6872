import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type Principal, reaches } from '../auth/runner-auth.js';
import { BotLauncher } from '../bot/bot-launcher.js';
import type { CallData } from '../bot/call-data.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import { MissingBotLauncher } from '../bot/missing-bot-launcher.js';
import { isEndAtWork, SessionEnd, type SessionEndCode } from '../bot/session-end.js';
import { attempt } from '../errors/attempt.js';
import { refusalCodeOf, RunnerError } from '../errors/runner.error.js';
import { textOfThrown } from '../errors/thrown.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { MAX_TIMER_MS } from '../validation/options.js';
import { Capacity, draining } from './capacity.js';
import { PendingSessions } from './pending-sessions.js';
import { Session, type SessionCall } from './session.js';
import { SessionHistory } from './session-history.js';
import { SessionObservers } from './session-observers.js';
import { bindContext, type HandOver } from './session-context.js';
import { StartQueue, type WaitingClient } from './start-queue.js';

/** What a session is opened with. */
export interface OpenSession {
  /** Wire name of the transport. */
  readonly transport: string;
  /** What the caller passes to the bot, untouched. */
  readonly body?: unknown;
  /** Who asked for it: `principalOf(request)`. */
  readonly principal?: Principal;
  /** Which of the host's bots is to talk: `session.bot`. */
  readonly bot?: string;
  /** The phone call it is for. */
  readonly call?: SessionCall;
  /** The longest it may last from its launch, in milliseconds. @default the runner's `maxSessionDurationMs`, which holds in any case */
  readonly maxDurationMs?: number;
  /** The longest wait for its client, in milliseconds. @default the runner's `pendingTtlMs`, which holds in any case */
  readonly connectTimeoutMs?: number;
}

/**
 * The life of every session, and the only place that changes it. Capacity is decided here, in one synchronous step,
 * so two callers can never share the last place.
 */
@Injectable()
export class SessionRegistry {
  /** Who is told of what becomes of the sessions. */
  readonly observers = new SessionObservers();
  private readonly pending: PendingSessions;
  private readonly active = new Map<string, Session>();
  /** Ended sessions whose rooms, sockets and timers are still being released. */
  private readonly releasing = new Set<Promise<void>>();
  private readonly capacity: Capacity;
  private readonly queue: StartQueue<Session>;
  /** The sessions that ended last. */
  readonly history: SessionHistory;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly launcher: BotLauncher,
  ) {
    this.pending = new PendingSessions(options.pendingTtlMs, (expired) => {
      // One for all of them: an error is the most expensive part of an end.
      const reason = new SessionEnd('expired', NOBODY_CAME);
      for (const session of expired) this.finish(session, reason);
    });
    this.capacity = new Capacity(options.maxSessions);
    this.queue = new StartQueue(options);
    this.history = new SessionHistory(options.sessionHistory);
  }

  /** How many sessions are not `ended`. */
  get size(): number {
    return this.pending.size + this.active.size;
  }

  /** The sessions that are not `ended`, in no particular order. */
  get live(): Session[] {
    return [...this.pending.values(), ...this.active.values()];
  }

  /** Whether no new sessions are taken any more, because the runner is being shut down. */
  get isDraining(): boolean {
    return this.capacity.closed;
  }

  /** Whether no new sessions are taken, because `loadFunction` says so. */
  get isOverloaded(): boolean {
    return this.capacity.overloaded;
  }

  /** Whether `maxSessions` are taken. */
  get isFull(): boolean {
    return this.capacity.isFull;
  }

  /** How many starts wait for a place. */
  get queued(): number {
    return this.queue.length;
  }

  /** The session, unless it has ended or never was. */
  get(id: string): Session | undefined {
    return this.pending.get(id) ?? this.active.get(id);
  }

  /**
   * The session of an id.
   * @param principal who wants to reach it, where that is known
   * @throws {RunnerError} `UNKNOWN_SESSION`, or `DRAINING` when it may be one that was not taken over into the shutdown
   */
  require(id: string, principal?: Principal): Session {
    const session = this.get(id);
    if (session && reaches(principal ?? { reachesAll: true }, session.principal)) return session;
    if (this.capacity.closed) throw draining();
    throw new RunnerError('UNKNOWN_SESSION', 'There is no such session, or it has ended.');
  }

  /** Why a session cannot be opened right now, for anyone or for a certain principal; `undefined` when it can. */
  refusal(principal?: Principal): RunnerError | undefined {
    return this.capacity.refusal(principal);
  }

  /**
   * Opens a `pending` session, which takes a place until it ends.
   * @throws {RunnerError} `AT_CAPACITY`, `OVERLOADED` or `DRAINING`
   */
  open(request: OpenSession): Session {
    const refusal = this.refusal(request.principal);
    if (refusal) throw this.observers.refused(refusal, request);
    const { transport, body, principal, bot, call, maxDurationMs, connectTimeoutMs } = request;
    const session = new Session(randomUUID(), transport, body, principal);
    Object.assign(session, { bot, call, maxDurationMs });
    this.capacity.take(principal);
    this.pending.add(session);
    this.observers.changed(session);
    if (connectTimeoutMs !== undefined) this.expireUnlessClaimed(session, connectTimeoutMs);
    return session;
  }

  /**
   * Applies to a session that is open what was decided of it only now. It keeps its place, and counts as the new principal's as well.
   * @throws {RunnerError} `AT_CAPACITY` when that principal holds all the sessions it may hold, or `WRONG_STATE`
   */
  adopt(
    session: Session,
    { body, principal, bot, maxDurationMs }: Omit<OpenSession, 'transport' | 'connectTimeoutMs'>,
  ): void {
    if (session.state.name === 'ended' || session.botRuns) {
      throw new RunnerError('WRONG_STATE', `Session ${session.id} is ${session.state.name}.`);
    }
    if (principal) {
      const refusal = this.capacity.shareRefusal(principal);
      if (refusal) throw refusal;
      this.capacity.takeShare(principal);
      session.principal = principal;
    }
    if (body !== undefined) session.body = body;
    Object.assign(session, { bot, maxDurationMs });
  }

  /**
   * Opens a session and sets it up. When that throws, the session ends as `start_failed`, and what it held is released
   * without the client having to wait.
   *
   * @param client who can wait for a place, for up to `startQueueMs`: its connection
   * @throws {RunnerError} `NO_BOT`, `AT_CAPACITY`, `OVERLOADED`, `DRAINING`, or what `setUp` throws
   */
  async start<T>(
    request: OpenSession,
    setUp: (session: Session) => Promise<T> | T,
    client?: WaitingClient,
  ): Promise<T> {
    let session: Session | undefined;
    try {
      MissingBotLauncher.refuse(this.launcher);
      const refusal = this.refusal(request.principal);
      session =
        refusal?.code === 'AT_CAPACITY' && client && this.queue.hasRoom
          ? await this.queue.wait(() => this.tryOpen(request), refusal, client)
          : this.open(request);
      return await setUp(session);
    } catch (error) {
      throw session
        ? this.fail(session, error, 'The transport could not set it up.')
        : this.observers.refused(error, request);
    }
  }

  /**
   * Takes a `pending` session for its caller, who thereby is the only one; `undefined` when there is none (any more).
   * @param transports the session must have been opened for one of these
   * @throws {RunnerError} `DRAINING`
   */
  claim(id: string, transports: readonly string[]): Session | undefined {
    if (this.capacity.closed) throw draining();
    const session = this.pending.get(id);
    if (!session || !transports.includes(session.transport)) return undefined;
    this.activate(session);
    return session;
  }

  /**
   * Starts the bot for a session, `pending` or claimed, and returns at once; `session.ended` tells the outcome.
   * The arguments get the session's id, and its body where it has one.
   * @param handOver what the arguments must not hold themselves
   */
  launch(session: Session, args: RunnerArguments, handOver?: HandOver): void {
    if (session.state.name === 'pending') this.activate(session);
    if (session.state.name !== 'launching' || session.botRuns) {
      if (session.endRequested?.code === 'draining') throw draining();
      throw new RunnerError(
        'WRONG_STATE',
        `Session ${session.id} is already ${session.state.name}.`,
      );
    }
    args.session_id = session.id;
    if (session.body !== undefined) args.body = session.body;
    if (args.call_data) session.call = knownCall(args.call_data, session.call);
    if (this.options.cliArgs) args.cli_args ??= this.options.cliArgs;
    bindContext(args, session.context, handOver);
    session.onStop = (end) => void this.stopWith(session, end);
    attempt(
      () => this.run(session, args),
      (thrown) => this.finish(session, botFailed(thrown)),
    );
  }

  /**
   * Ends a session. A running bot is asked through its signal, and after `stopGraceMs` no longer waited for.
   * The first reason given is the one that counts.
   * @returns the reason it ended with, once everything it held is released
   */
  stop(session: Session, code: SessionEndCode, message: string): Promise<SessionEnd> {
    return this.stopWith(session, new SessionEnd(code, message));
  }

  /**
   * Ends a session as `start_failed`, and what it held is released without anyone having to wait.
   * @returns the error, to be thrown
   */
  fail(session: Session, error: unknown, message: string): unknown {
    session.refusal ??= refusalCodeOf(error);
    void this.stop(session, 'start_failed', message);
    const { transport, principal, call } = session;
    return this.observers.refused(error, { transport, principal, call, session });
  }

  /** Tells whether there is too much to do for new sessions. */
  setOverloaded(overloaded: boolean): void {
    this.capacity.overloaded = overloaded;
    this.serveQueue();
  }

  /**
   * Takes no new sessions from now on, and ends those that still wait for their caller.
   * @returns those that have one
   */
  close(): Session[] {
    this.capacity.closed = true;
    this.queue.dismiss(draining());
    for (const session of this.pending.values()) void this.stopWith(session, shutDown());
    return [...this.active.values()];
  }

  /** Takes no new sessions, ends all there are as `draining`, and waits until everything they held is released. */
  async drain(): Promise<void> {
    await Promise.all(this.close().map((session) => this.stopWith(session, shutDown())));
    await Promise.all(this.releasing);
    await this.observers.flush();
  }

  private stopWith(session: Session, end: SessionEnd): Promise<SessionEnd> {
    if (session.transferring && end.code === 'peer_left') {
      // Taken away by the carrier, or hung up by the caller meanwhile.
      void session.transferring.then(() => this.stopWith(session, end));
      return session.ended;
    }
    const reason = session.trueEnd(end);
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
        session.onEnd(() => clearTimeout(grace));
      }
    }
    return session.ended;
  }

  private async run(session: Session, args: RunnerArguments): Promise<void> {
    session.launchedAtMs = Date.now();
    this.limit(
      session,
      Math.min(this.options.maxSessionDurationMs, session.maxDurationMs ?? Infinity),
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
    } catch (thrown) {
      reason = session.endRequested ?? botFailed(thrown);
      if (!isEndAtWork(thrown, reason)) {
        const { text, stack } = textOfThrown(thrown);
        session.logger.error(`the bot threw: ${text}`, stack);
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
    // Longer than a timer can wait, which is 24 days.
    if (afterMs > MAX_TIMER_MS) return undefined;
    const timer = setTimeout(
      () => void this.stop(session, code, `The session ${what} (${afterMs} ms).`),
      afterMs,
    );
    session.onEnd(() => clearTimeout(timer));
    return timer;
  }

  private expireUnlessClaimed(session: Session, afterMs: number): void {
    const timer = setTimeout(() => {
      if (session.state.name === 'pending') void this.stop(session, 'expired', NOBODY_CAME);
    }, afterMs).unref();
    session.onEnd(() => clearTimeout(timer));
  }

  private activate(session: Session): void {
    this.pending.delete(session.id);
    this.active.set(session.id, session);
    session.connectedAtMs = Date.now();
    session.state = { name: 'launching', sinceMs: session.connectedAtMs };
    this.observers.changed(session);
  }

  private finish(session: Session, reason: SessionEnd): void {
    if (session.state.name === 'ended') return;
    this.active.delete(session.id);
    this.pending.delete(session.id);
    if (session.botRuns) session.logger.log(`ended: ${reason.code}`);
    const released = session.finish(reason);
    this.observers.changed(session);
    if (released) {
      this.releasing.add(released);
      void released.then(() => this.releasing.delete(released));
    }
    this.history.add(session);
    this.capacity.free(session.principal);
    this.serveQueue();
  }

  private tryOpen(request: OpenSession): Session | undefined {
    return this.refusal(request.principal) ? undefined : this.open(request);
  }

  private serveQueue(): void {
    this.queue.advance(() => !this.capacity.overloaded && !this.capacity.isFull);
  }
}

const NOBODY_CAME = 'Nobody connected in time.';

/** The facts of a call once it is connected: those known before, and those of the carrier. */
const knownCall = ({ from, to, call_id }: CallData, before?: SessionCall): SessionCall => ({
  direction: before?.direction ?? 'inbound',
  from: before?.from ?? from,
  to: before?.to ?? to,
  callId: call_id ?? before?.callId,
});
const botFailed = (cause: unknown): SessionEnd =>
  new SessionEnd('failed', 'The bot failed.', { cause });

const shutDown = (): SessionEnd => new SessionEnd('draining', 'The runner is shutting down.');
