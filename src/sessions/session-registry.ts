import type { Principal } from '../auth/runner-auth.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { SessionEnd } from '../bot/session-end.js';
import type { RunnerError } from '../errors/runner.error.js';
import type { HandOver } from './session-context.js';
import type { SessionObservers } from './session-observers.js';
import type { SessionTerms, SessionState } from './session-state.js';
import type { Session } from './session.js';
import type { WaitingClient } from './admission.js';

/** Options of a session to be opened. */
export interface OpenSession extends SessionTerms {
  /** Its id, which no other session may have or have had. @default a new UUID */
  readonly id?: string;
  /** Longest wait for its client, in milliseconds. @default the runner's `pendingTtlMs`, which is an upper bound */
  readonly connectTimeoutMs?: number;
  /** True if its client is already connected, so that no other can claim it. @default false */
  readonly isConnected?: boolean;
  /** Way in which its client comes. @default 'socket' */
  readonly kind?: SessionKind;
}

const SESSION_KINDS = ['socket', 'peer', 'room', 'here'] as const;

/**
 * Way in which a session's client comes: a `socket` or a `peer` connection to whichever node; or to a `room`, whose bot any node can run, as soon as it is set up.
 * `here` is a room for the bot of the node that was asked.
 */
export type SessionKind = (typeof SESSION_KINDS)[number];

/** Returns a kind by its name; a `socket` for one that this version does not know. */
export const sessionKindOf = (name: string): SessionKind =>
  SESSION_KINDS.find((kind) => kind === name) ?? 'socket';

/** A value, or a promise of it. */
export type MaybePromise<T> = T | Promise<T>;

/** Calls `next` with a value: at once, unless it is a promise. */
export const andThen = <T, R>(value: MaybePromise<T>, next: (value: T) => R): MaybePromise<R> =>
  value instanceof Promise ? value.then(next) : next(value);

/** Session registry of a runner, and its DI token: admission and lookup. The lifecycle is each {@link Session}'s own. */
export abstract class SessionRegistry {
  /** Observers of the sessions. */
  abstract readonly observers: SessionObservers;
  /** Recently ended sessions. */
  abstract readonly history: SessionHistory;

  /** Sessions that are not `ended`, unordered. */
  abstract get live(): Session[];

  /** Number of sessions that are not `ended`. */
  abstract get size(): number;

  /** True when no new sessions are admitted because of a shutdown. */
  abstract get isDraining(): boolean;

  /** True when no new sessions are admitted because of `loadFunction`. */
  abstract get isOverloaded(): boolean;

  /** True when `maxSessions` is reached. */
  abstract get isFull(): boolean;

  /** Number of queued starts. */
  abstract get queued(): number;

  /** Returns a session; `undefined` if it is unknown or has ended. */
  abstract get(id: string): Session | undefined;

  /** Returns true for a session, of any node, that has not ended. */
  abstract isLive(id: string): MaybePromise<boolean>;

  /**
   * Returns the session of an id.
   * @param principal principal of the request, where known
   * @throws {RunnerError} `UNKNOWN_SESSION`, or `DRAINING` for one that may have ended with the shutdown
   */
  abstract require(id: string, principal?: Principal): Session;

  /** Returns why a session cannot be opened now, in general or for a principal; `undefined` when it can. */
  abstract refusal(principal?: Principal): RunnerError | undefined;

  /**
   * Opens a `pending` session, which counts towards the capacity until it ends. Reports a refusal.
   * @throws {RunnerError} `AT_CAPACITY`, `OVERLOADED` or `DRAINING`
   */
  abstract open(request: OpenSession): MaybePromise<Session>;

  /**
   * Applies terms that were decided after a session was opened. It keeps its slot, and counts as the new principal's too.
   * @throws {RunnerError} `AT_CAPACITY` when that principal's limit is reached, or `WRONG_STATE`
   */
  abstract adopt(session: Session, terms: Omit<OpenSession, 'transport'>): MaybePromise<void>;

  /**
   * Opens a session and sets it up. If that throws, the session ends as `start_failed`; its resources are released without delaying the
   * client. Reports a refusal.
   * @param client connection of a client that can wait in the start queue, for up to `startQueueMs`
   * @throws {RunnerError} `NO_BOT`, `AT_CAPACITY`, `OVERLOADED`, `DRAINING`, or the error of `setUp`
   */
  abstract start<T>(
    request: OpenSession,
    setUp: (session: Session) => MaybePromise<T>,
    client?: WaitingClient,
  ): Promise<T>;

  /**
   * Claims a `pending` session exclusively for its client; `undefined` if it is not available (any more).
   * @param transports accepted wire names of its transport
   * @param principal principal of the request, where known, who must be one who reaches it
   * @throws {RunnerError} `DRAINING`
   */
  abstract claim(
    id: string,
    transports: readonly string[],
    principal?: Principal,
  ): MaybePromise<Session | undefined>;

  /**
   * Launches the bot of a session, `pending` or claimed, and returns at once; `session.ended` resolves with the outcome.
   * Sets the session's id, and its body if it has one, in the arguments.
   * @param handOver capabilities that the arguments cannot hold
   * @returns false when another node of the fleet launches it, for a session of the kind `room`: `RunnerTransport.takeOver()` is called there
   */
  abstract launch(session: Session, args: RunnerArguments, handOver?: HandOver): boolean;

  /**
   * Ends a session by its id, as {@link Session.end} does.
   * @throws {RunnerError} `UNKNOWN_SESSION`, or `DRAINING`
   */
  abstract end(id: string, reason: SessionEnd): Promise<SessionEnd>;

  /**
   * Ends a session whose start or call was refused, and reports the error. Its resources are released in the background.
   * @returns the error, to be thrown
   */
  abstract refuse(
    session: Session,
    error: unknown,
    message: string,
    code?: 'start_failed' | 'stopped',
  ): unknown;

  /** Sets whether new sessions are refused because of overload. */
  abstract setOverloaded(overloaded: boolean): void;

  /**
   * Stops admission, and ends the sessions that wait for their client.
   * @returns the sessions with a client
   */
  abstract close(): Session[];

  /**
   * Stops admission, serves the sessions that wait for their client here, and resolves when all have ended, however long they last.
   * @param onBegin called when it has begun
   * @returns false at once while another node of the fleet does so
   */
  abstract retire(onBegin?: () => void): Promise<boolean>;

  /** Stops admission, ends all sessions as `draining`, and waits until their resources are released. */
  abstract drain(): Promise<void>;
}

/** Record of an ended session, without its body and claims. */
export interface EndedSession extends Pick<
  Session,
  'id' | 'transport' | 'createdAtMs' | 'botStartMs'
> {
  readonly state: {
    readonly name: 'ended';
    readonly atMs: number;
    /** Code only: message and cause may hold data that must not be retained. */
    readonly reason: Pick<Extract<SessionState, { name: 'ended' }>['reason'], 'code'>;
  };
  /** Id of its phone call by the carrier. */
  readonly callId?: string;
}

/** A session as it is listed, of this node or another. */
export interface ListedSession extends Pick<
  Session,
  'id' | 'transport' | 'createdAtMs' | 'botStartMs'
> {
  readonly state:
    | { readonly name: 'pending' }
    | { readonly name: 'launching' | 'running'; readonly sinceMs: number }
    | EndedSession['state'];
}

/** Recently ended sessions. */
export class SessionHistory {
  private readonly byId = new Map<string, EndedSession>();

  /** @param limit the most retained sessions */
  constructor(private readonly limit: number) {}

  add({ id, transport, createdAtMs, botStartMs, state, call }: Session): void {
    if (this.limit === 0 || state.name !== 'ended') return;
    if (this.byId.size === this.limit) this.byId.delete(this.byId.keys().next().value!);
    const { atMs, reason } = state;
    this.byId.set(id, {
      id,
      transport,
      createdAtMs,
      botStartMs,
      state: { name: 'ended', atMs, reason: { code: reason.code } },
      callId: call?.callId,
    });
  }

  get(id: string): EndedSession | undefined {
    return this.byId.get(id);
  }

  /** All retained sessions, in the order of their end. */
  get all(): EndedSession[] {
    return [...this.byId.values()];
  }
}
