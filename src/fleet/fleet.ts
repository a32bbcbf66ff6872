import type { OwnPrincipal, Principal } from '../auth/runner-auth.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { SessionEnd, SessionEndCode } from '../bot/session-end.js';
import { RunnerError } from '../errors/runner.error.js';
import type { Peers } from '../http/fleet-router/peers.js';
import type { ResolvedRunnerOptions } from '../runner.options.js';
import type { Capacity, PendingSessions } from '../sessions/admission.js';
import type {
  EndedSession,
  ListedSession,
  MaybePromise,
  OpenSession,
  SessionHistory,
} from '../sessions/session-registry.js';
import { InvalidOptionsError, kindOf } from '../validation/options.js';
import type { FleetGauges, FleetObserver } from './fleet-observer.js';
import type { FleetStatus } from './fleet-status.js';
import type { SessionTerms } from '../sessions/session-state.js';
import type { Session } from '../sessions/session.js';

export type { FleetGauges, FleetObserver };

/** The runner, as its fleet needs it. */
export interface FleetHost {
  /** Number of queued starts. */
  readonly queued: number;
  /** W3C trace context of the current request, where it is traced. */
  readonly traceparent: string | undefined;
  /** Serves the start queue, since a place may be free. */
  serveQueue(): void;
  /** Makes a `pending` session of one that another node has opened. */
  restore(id: string, terms: SessionTerms, ageMs: number): Session;
  /** Makes this node the only owner of a waiting session; `undefined` if it is not available (any more). @throws {RunnerError} */
  claim(id: string, transports: readonly string[]): MaybePromise<Session | undefined>;
}

/** Room of a session, as another node needs it: to run its bot, or to remove the room. */
export interface SessionRoom {
  /** Arguments of the bot, without the session's id and body. */
  readonly args: RunnerArguments;
  /** Identity of the user in the room, where the transport knows it. */
  readonly user?: string;
}

/** A session whose connection is over, as far as it is known. */
export interface AbandonedSession {
  /** Code of its end, if it has ended. */
  readonly code?: SessionEndCode;
  /** Its terms, if it was abandoned. */
  readonly terms?: SessionTerms;
  /** True for the session of another call, which is left as it is. */
  readonly isOther?: boolean;
}

/** Returns what a call is told of a session that has ended. */
export const abandonedOf = (ended: EndedSession, callId: string): AbandonedSession =>
  ended.callId === callId ? { code: ended.state.reason.code } : { isOther: true };

/** Transports of rooms, as a fleet needs them. */
export interface RoomTransports {
  /** Their wire names, without those that are disabled. */
  readonly names: readonly string[];
  /** True where the provider of a transport removes the older of two bots of a session. */
  evictsOlderBot(name: string): boolean;
  /** Launches the bot of a session that another node has set up. @throws as `bind()` */
  launch(session: Session, room: SessionRoom): void;
  /** Binds the room to a session that another node has set up, so that its end removes the room. @throws for arguments that its transport does not know */
  bind(session: Session, room: SessionRoom): void;
}

/** Port to the fleet, and its DI token: admits the sessions of all nodes, and gives each to one of them. A runner alone has a {@link LocalFleet}. */
export abstract class Fleet {
  /** Admission of this node. */
  abstract readonly capacity: Capacity;
  /** Sessions that wait for their client, as far as this node has opened them. */
  abstract readonly waiting: PendingSessions;
  /** Recently ended sessions of this node. */
  abstract readonly history: SessionHistory;

  /** Keys of tokens that all nodes take; the first one signs. Without them each process has its own. */
  readonly tokenKeys?: readonly [Buffer, ...Buffer[]];

  /** The other nodes, for what passes requests on to them; `undefined` for a runner alone. */
  readonly peers?: Peers;
  /** Observer of the fleet's work. */
  observer?: FleetObserver;
  /** Transports of rooms, set before it joins. */
  rooms?: RoomTransports;

  /** Returns the counts of the whole fleet; `undefined` before the first heartbeat. Absent for a runner that is alone. */
  gauges?(): FleetGauges | undefined;

  /** Called once, before everything else. */
  abstract attach(options: ResolvedRunnerOptions, host: FleetHost): void;

  /** Returns why this node cannot work with the others; `undefined` while it can, or Redis is away. */
  refusalOfOthers(): RunnerError | undefined {
    return undefined;
  }

  /** Joins the fleet, before the application serves. Rejects when it cannot work. */
  async join(): Promise<void> {}

  /** Leaves the fleet, after the last session has ended. Never rejects. */
  async leave(): Promise<void> {}

  /** False while no session can be opened for anybody, for want of places. */
  abstract get hasPlace(): boolean;

  /** Returns why a session cannot be opened now, in general or for a principal, as far as this node knows; `undefined` when it can. */
  abstract refusal(principal?: Principal): RunnerError | undefined;

  /** Takes a place for a session. @returns its id, or why there is none */
  abstract open(request: OpenSession, principal?: OwnPrincipal): MaybePromise<string | RunnerError>;

  /** Called with the session that was opened. */
  abstract opened(session: Session, request: OpenSession): void;

  /**
   * Makes this node the only owner of a waiting session; `undefined` if it is not available (any more).
   * @param principal who must be one who reaches it
   * @throws {RunnerError}
   */
  abstract claim(
    id: string,
    transports: readonly string[],
    principal?: Principal,
  ): MaybePromise<Session | undefined>;

  /** Ends a session that waits for its client, and that no node has alone. @returns its end; `undefined` for any other session. @throws {RunnerError} */
  stopWaiting(_id: string, _end: SessionEnd): MaybePromise<SessionEnd | undefined> {
    return undefined;
  }

  /**
   * Abandons the session of a phone call, whose connection is over, and whose node does not have it (any more) or does not answer: it is `lost`.
   * @param callId of its carrier, without which nothing is done
   * @throws {RunnerError}
   */
  abstract abandon(id: string, callId: string): MaybePromise<AbandonedSession>;

  /** Makes this node the owner of a session whose bot is launched. @returns `undefined` when it is already; rejects when another is */
  abstract own(session: Session): Promise<void> | undefined;

  /**
   * Hands a session to a node that runs bots of rooms, unless its bot is launched here.
   * @returns `undefined` when it is launched here; else resolves when any node can run it, and rejects when none can
   */
  dispatch(_session: Session, _room: SessionRoom): Promise<void> | undefined {
    return undefined;
  }

  /** Counts a session as another principal's. @throws {RunnerError} `AT_CAPACITY` */
  abstract adopt(session: Session, principal: OwnPrincipal): MaybePromise<void>;

  /** Gives a session of this node one more name, such as its room's, which several may have. Never rejects. */
  async alias(_session: Session, _name: string): Promise<void> {}

  /** Returns true if another node has a session of a name. @throws {RunnerError} */
  hasElsewhere(_name: string): MaybePromise<boolean> {
    return false;
  }

  /** Called when a session is launching, and when it is running. */
  note(_session: Session): void {}

  /** Called when a session has ended: frees its places. */
  abstract end(session: Session): void;

  /** Returns the sessions of all nodes, also recently ended ones. @param live those of this node that have not ended */
  abstract list(live: readonly Session[]): MaybePromise<readonly ListedSession[]>;

  /** Returns a session of any node, also a recently ended one. @param live that of this node */
  abstract find(id: string, live: Session | undefined): MaybePromise<ListedSession | undefined>;

  /** Returns all nodes, and what waits. @throws {RunnerError} also for a runner that is alone */
  status(): Promise<FleetStatus> {
    return Promise.reject(new RunnerError('NOT_FOUND', 'This runner is alone.'));
  }

  /** Returns the first answer for a key, such as the provider's call id, of whichever node. A failed answer is forgotten. */
  abstract once<T>(key: string, answer: () => Promise<T>): Promise<T>;

  /** Number of sessions that wait for their client, and that nobody else serves. */
  abstract get held(): number;

  /** Stops admission here, without ending what waits. @returns false when another node does so, and this one may not yet. @throws {RunnerError} */
  abstract retire(): MaybePromise<boolean>;

  /** Stops admission here. @returns the sessions that wait for a client, which nobody else serves */
  abstract close(): Session[];
}

/**
 * Returns what the option `fleet` gave, for those that use it before the runner starts up.
 * @throws {InvalidOptionsError} unless it is a fleet
 */
export function checkedFleet(given: Fleet | null | undefined): Fleet {
  if (typeof given?.attach === 'function') return given;
  throw new InvalidOptionsError('RunnerModule', [
    `fleet must be redisFleet(…) or localFleet() of nestjs-pipecat-runner/fleet, not ${kindOf(given)}`,
  ]);
}
