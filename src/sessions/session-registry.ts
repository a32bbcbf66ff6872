import type { Principal } from '../auth/runner-auth.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { SessionEnd } from '../bot/session-end.js';
import type { RunnerError } from '../errors/runner.error.js';
import type { HandOver } from './session-context.js';
import type { SessionHistory } from './session-history.js';
import type { SessionObservers } from './session-observers.js';
import type { SessionTerms } from './session-state.js';
import type { Session } from './session.js';
import type { WaitingClient } from './start-queue.js';

/** The terms that a session is opened with. */
export interface OpenSession extends SessionTerms {
  /** The longest wait for its client, in milliseconds. @default the runner's `pendingTtlMs`, which holds in any case */
  readonly connectTimeoutMs?: number;
  /** True if its client is there already, so that nobody else can claim it. @default false */
  readonly isConnected?: boolean;
}

/** A value that is known at once, or has to be asked for first. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * The sessions of a runner, and the DI token under which they are found: their admission, and the ways to reach them. What happens to one of
 * them is the {@link Session}'s own.
 */
export abstract class SessionRegistry {
  /** The observers of the sessions. */
  abstract readonly observers: SessionObservers;
  /** The sessions that ended last. */
  abstract readonly history: SessionHistory;

  /** The sessions that are not `ended`, in no particular order. */
  abstract get live(): Session[];

  /** The number of sessions that are not `ended`. */
  abstract get size(): number;

  /** True if no new sessions are taken any more, because the runner is being shut down. */
  abstract get isDraining(): boolean;

  /** True if no new sessions are taken, because `loadFunction` says so. */
  abstract get isOverloaded(): boolean;

  /** True if `maxSessions` are taken. */
  abstract get isFull(): boolean;

  /** The number of starts that wait for a place. */
  abstract get queued(): number;

  /** Returns the session, unless it has ended or never was. */
  abstract get(id: string): Session | undefined;

  /**
   * Returns the session of an id.
   * @param principal who wants to reach it, where that is known
   * @throws {RunnerError} `UNKNOWN_SESSION`, or `DRAINING` when it may be one that was not taken over into the shutdown
   */
  abstract require(id: string, principal?: Principal): Session;

  /** Returns why a session cannot be opened right now, for anyone or for a certain principal; `undefined` when it can. */
  abstract refusal(principal?: Principal): RunnerError | undefined;

  /**
   * Opens a `pending` session, which takes a place until it ends. A refusal is reported.
   * @throws {RunnerError} `AT_CAPACITY`, `OVERLOADED` or `DRAINING`
   */
  abstract open(request: OpenSession): MaybePromise<Session>;

  /**
   * Applies to a session that is open what was decided of it only now. It keeps its place, and counts as the new principal's as well.
   * @throws {RunnerError} `AT_CAPACITY` when that principal holds all the sessions it may hold, or `WRONG_STATE`
   */
  abstract adopt(session: Session, terms: Omit<OpenSession, 'transport'>): MaybePromise<void>;

  /**
   * Opens a session and sets it up. When that throws, the session ends as `start_failed`, and what it held is released
   * without the client having to wait. A refusal is reported.
   *
   * @param client who can wait for a place, for up to `startQueueMs`: its connection
   * @throws {RunnerError} `NO_BOT`, `AT_CAPACITY`, `OVERLOADED`, `DRAINING`, or what `setUp` throws
   */
  abstract start<T>(
    request: OpenSession,
    setUp: (session: Session) => MaybePromise<T>,
    client?: WaitingClient,
  ): Promise<T>;

  /**
   * Takes a `pending` session for its client, who thereby is the only one; `undefined` when there is none (any more).
   * @param transports the session must have been opened for one of these
   * @throws {RunnerError} `DRAINING`
   */
  abstract claim(id: string, transports: readonly string[]): MaybePromise<Session | undefined>;

  /**
   * Starts the bot for a session, `pending` or claimed, and returns at once; `session.ended` resolves with the outcome.
   * The arguments get the session's id, and its body where it has one.
   * @param handOver what the arguments must not hold themselves
   */
  abstract launch(session: Session, args: RunnerArguments, handOver?: HandOver): void;

  /**
   * Ends the session of an id, as {@link Session.end} does.
   * @throws {RunnerError} `UNKNOWN_SESSION`, or `DRAINING`
   */
  abstract end(id: string, reason: SessionEnd): Promise<SessionEnd>;

  /**
   * Ends a session whose start or call came to nothing, and reports why. Nobody has to wait for what it held.
   * @returns the error, to be thrown
   */
  abstract refuse(
    session: Session,
    error: unknown,
    message: string,
    code?: 'start_failed' | 'stopped',
  ): unknown;

  /** Sets whether there is too much to do for new sessions. */
  abstract setOverloaded(overloaded: boolean): void;

  /**
   * Takes no new sessions from now on, and ends those that still wait for their client.
   * @returns those that have one
   */
  abstract close(): Session[];

  /** Takes no new sessions, ends all there are as `draining`, and waits until everything they held is released. */
  abstract drain(): Promise<void>;
}
