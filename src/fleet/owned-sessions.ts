import type { OwnPrincipal } from '../auth/runner-auth.js';
import { SessionEnd } from '../bot/session-end.js';
import { textOfThrown } from '../errors/thrown.js';
import { type Capacity, nobodyCame, type PendingSessions } from '../sessions/admission.js';
import type { OpenSession, SessionKind } from '../sessions/session-registry.js';
import { Session } from '../sessions/session.js';
import type { AnnouncedSession, RecordedRoom } from './directory-session.js';
import type { FleetHost, RoomTransports } from './fleet.js';
import type { OwnSessions, SweptCode } from './fleet-heartbeat.js';
import { LoopLoad } from './loop-load.js';
import type { NodeVitals } from './node-table.js';
import type { RecordedSession } from './recorded-session.js';
import { noteOf } from './session-notes.js';
import { roomOf } from './session-room.js';
import { dataOf, termsOf } from './session-record.js';

/** A session that this node owns in the directory. */
interface Owned {
  readonly epoch: number;
  readonly kind: SessionKind;
  /** `undefined` for the moment between the directory's answer and the session. */
  session: Session | undefined;
  /** Time at which it was opened without the directory, by the node's monotonic clock; -Infinity for others. */
  readonly openedAloneAtMs: number;
  /** Its room, where another node could take it over. */
  room?: RecordedRoom;
  /** Its other names. */
  readonly aliases: Set<string>;
  /** Principal whose sessions this node counts while Redis is away. */
  readonly principal?: OwnPrincipal;
  /** True while it waits for its client, and the directory knows nothing of it. */
  isLone?: boolean;
}

/** Sessions that this node owns in the directory. */
export class OwnedSessions implements OwnSessions {
  private readonly byId = new Map<string, Owned>();
  private readonly requests = new WeakMap<Session, OpenSession>();
  /** Sessions whose end the directory knows, or is told of: nobody else has to. */
  private readonly ended = new WeakSet<Session>();
  private readonly load = new LoopLoad();

  constructor(
    private readonly capacity: Capacity,
    private readonly host: FleetHost,
    /** Copies of the sessions that this node has opened and that wait for their client. */
    private readonly waiting: PendingSessions,
    private readonly pendingTtlMs: number,
    private readonly rooms: () => RoomTransports | undefined,
    /** Called with rooms whose bots have to be launched on any node. */
    readonly dispatch: (ids: readonly string[]) => void,
  ) {}

  get size(): number {
    return this.byId.size;
  }

  vitals(): NodeVitals {
    const { overloaded } = this.capacity;
    return { queued: this.host.queued, load: this.load.look(), overloaded };
  }

  has(id: string): boolean {
    return this.byId.has(id);
  }

  /** Returns the epoch of a session; `undefined` for one that it does not own. */
  epochOf(id: string): number | undefined {
    return this.byId.get(id)?.epoch;
  }

  add(id: string, epoch: number, kind: SessionKind, session?: Session): void {
    const openedAloneAtMs = -Infinity;
    this.byId.set(id, { epoch, kind, session, openedAloneAtMs, aliases: new Set() });
    this.capacity.take();
  }

  /** Adds a session of which the directory is told later. @param isLone true for one that waits for its client */
  addAlone(id: string, kind: SessionKind, isLone: boolean, principal?: OwnPrincipal): void {
    const openedAloneAtMs = performance.now();
    const owned = { epoch: 1, kind, session: undefined, openedAloneAtMs };
    this.byId.set(id, { ...owned, aliases: new Set(), isLone, principal });
    this.capacity.take(principal);
  }

  /** Returns a session that waits for its client, and about which this node alone decides. */
  lone(id: string): Session | undefined {
    const owned = this.byId.get(id);
    return owned?.isLone ? owned.session : undefined;
  }

  /** Called when a session of this node has its client, or its bot is launched without one. */
  settle(id: string): void {
    const owned = this.byId.get(id);
    if (owned) owned.isLone = false;
  }

  handOver(id: string, isSteady: boolean): boolean {
    const owned = this.byId.get(id);
    if (!owned) return this.waiting.get(id) !== undefined;
    if (!owned.isLone || !isSteady) return false;
    this.delete(id);
    return true;
  }

  /** Gives a session one more name. */
  alias(id: string, name: string): void {
    this.byId.get(id)?.aliases.add(name);
  }

  bind(session: Session): void {
    const owned = this.byId.get(session.id);
    if (owned) owned.session = session;
  }

  /** Returns what the record of a session tells; `undefined` for one that this node does not own. */
  recordOf(session: Session): RecordedSession | undefined {
    const { epoch, kind, room } = this.byId.get(session.id) ?? {};
    if (epoch === undefined || kind === undefined) return undefined;
    const { transport, ageMs } = session;
    return { transport, kind, epoch, ageMs, data: dataOf(session), room: room?.text };
  }

  /** Returns the sessions of rooms that other nodes launch again after a lease, which began at a time of the monotonic clock. */
  restartable(leaseBeganAtMs: number): Session[] {
    return [...this.byId.values()].flatMap(({ session, room, openedAloneAtMs }) =>
      session && room?.restarts && openedAloneAtMs < leaseBeganAtMs ? [session] : [],
    );
  }

  /** Keeps the room of a session, which is announced with it. */
  setRoom(id: string, room: RecordedRoom): void {
    const owned = this.byId.get(id);
    if (owned) owned.room = room;
  }

  /** Forgets a session that has ended. @returns its epoch; `undefined` for one that it does not own */
  delete(id: string): number | undefined {
    const owned = this.byId.get(id);
    if (this.byId.delete(id)) this.capacity.free(owned?.principal);
    return owned?.epoch;
  }

  /** Forgets a session whose end the directory is told of. @returns its epoch; `undefined` for one that it does not own */
  conclude(session: Session): number | undefined {
    this.ended.add(session);
    return this.delete(session.id);
  }

  /** True for a session whose end the directory knows, or is told of. */
  isOver(session: Session): boolean {
    return this.ended.has(session);
  }

  /** Notes as what a session was opened, for a directory that has lost it. */
  opened(session: Session, request: OpenSession): void {
    this.requests.set(session, request);
  }

  list(): AnnouncedSession[] {
    const copies = [...this.waiting.values()].filter(
      ({ id }) => !this.byId.has(id) || this.lone(id),
    );
    return [...this.listOwned(), ...copies.flatMap((session) => this.announced(session) ?? [])];
  }

  /** True for a session that waits here for its client, and that this node announces. */
  isAnnounced(session: Session): boolean {
    return session.state.name === 'pending' && this.announced(session) !== undefined;
  }

  /** Returns a session that waits for its client, as the directory is told of it; `undefined` for one that it is not told of. */
  announced(session: Session): AnnouncedSession | undefined {
    const request = this.requests.get(session);
    // What waits for its bot is in the queue of rooms.
    if (!request || request.kind === 'room') return undefined;
    const { id, transport, ageMs, principal } = session;
    const { kind = 'socket', connectTimeoutMs = Infinity } = request;
    const ttlMs = Math.min(this.pendingTtlMs, connectTimeoutMs) - ageMs;
    if (ttlMs <= 0) return undefined;
    const data = dataOf({ ...request, principal });
    return { id, transport, kind, caller: callerOf(session), data, ageMs, ttlMs };
  }

  private listOwned(): AnnouncedSession[] {
    return [...this.byId.values()].flatMap(({ epoch, kind, session, isLone, aliases, room }) => {
      if (!session || isLone) return [];
      const { id, transport, ageMs } = session;
      const caller = callerOf(session);
      const known = { id, transport, kind, caller, data: dataOf(session), epoch, ageMs };
      const note = noteOf(session);
      return [{ ...known, ttlMs: 0, room, aliases: [...aliases], note }];
    });
  }

  /** Ends what was set up here and never launched; what waits for its client expires in the directory. */
  expire(expired: readonly Session[]): void {
    const reason = nobodyCame();
    for (const session of expired) {
      session.isDiscarded ||= !this.has(session.id);
      void session.end(reason);
    }
  }

  taken(id: string): void {
    const { session } = this.byId.get(id) ?? {};
    this.delete(id);
    if (!session) return;
    // The node that has it now reports its end.
    session.isDiscarded = true;
    this.ended.add(session);
    void session.end(
      new SessionEnd('lost', 'Another node of the fleet has this session, or has ended it.'),
    );
  }

  buried(id: string): void {
    const { session } = this.byId.get(id) ?? {};
    if (!session || session.isDiscarded) return;
    session.isDiscarded = true;
    session.logger.warn('it was reported as lost while this node was out of touch; it goes on');
  }

  swept(id: string, code: SweptCode, record: RecordedSession | undefined): void {
    if (!record) return;
    void this.over(id, record, SWEPT[code]());
  }

  /** Reports the end of a session that the directory has ended. @param known its record, or its copy here */
  over(id: string, known: RecordedSession | Session, end: SessionEnd): Promise<SessionEnd> {
    const session =
      known instanceof Session
        ? known
        : this.host.restore(id, termsOf(known.transport, known.data), known.ageMs);
    this.ended.add(session);
    if (!(known instanceof Session) && known.room !== undefined) this.bindRoom(session, known.room);
    return session.end(end);
  }

  /** Binds a room to a session that ends, so that it is removed. */
  private bindRoom(session: Session, room: string): void {
    try {
      this.rooms()?.bind(session, roomOf(room));
    } catch (thrown) {
      session.logger.warn(`its room is left as it is: ${textOfThrown(thrown).message}`);
    }
  }
}

/** Ends of sessions that have no owner. */
const SWEPT: Record<SweptCode, () => SessionEnd> = {
  expired: nobodyCame,
  start_failed: () => new SessionEnd('start_failed', 'No node of the fleet took its bot in time.'),
  lost: () =>
    new SessionEnd('lost', 'The node of the fleet that it ran on is gone, or gave it up.'),
};

/** Returns whose sessions are counted. */
export const callerOf = ({
  principal,
}: Pick<Session, 'principal'>): { id: string; maxSessions?: number } | undefined =>
  principal?.id === undefined
    ? undefined
    : { id: principal.id, maxSessions: principal.maxSessions };
