import { SessionEnd } from '../bot/session-end.js';
import { type Capacity, nobodyCame, type PendingSessions } from '../sessions/admission.js';
import type { OpenSession, SessionKind } from '../sessions/session-registry.js';
import { Session } from '../sessions/session.js';
import type { FleetHost } from './fleet.js';
import type { OwnSessions } from './fleet-heartbeat.js';
import type { AnnouncedSession, RecordedSession } from './session-directory.js';
import { dataOf, termsOf } from './session-record.js';

/** A session that this node owns in the directory. */
interface Owned {
  readonly epoch: number;
  readonly kind: SessionKind;
  /** `undefined` for the moment between the directory's answer and the session. */
  session: Session | undefined;
  /** Its other names. */
  readonly aliases: Set<string>;
}

/** Sessions that this node owns in the directory. */
export class OwnedSessions implements OwnSessions {
  private readonly byId = new Map<string, Owned>();
  private readonly requests = new WeakMap<Session, OpenSession>();
  /** Sessions that the directory has ended: nobody has to tell it. */
  private readonly ended = new WeakSet<Session>();

  constructor(
    private readonly capacity: Capacity,
    private readonly host: FleetHost,
    /** Copies of the sessions that this node has opened and that wait for their client. */
    private readonly waiting: PendingSessions,
    private readonly pendingTtlMs: number,
  ) {}

  get size(): number {
    return this.byId.size;
  }

  has(id: string): boolean {
    return this.byId.has(id);
  }

  add(id: string, epoch: number, kind: SessionKind, session?: Session): void {
    this.byId.set(id, { epoch, kind, session, aliases: new Set() });
    this.capacity.take();
  }

  /** Gives a session one more name. */
  alias(id: string, name: string): void {
    this.byId.get(id)?.aliases.add(name);
  }

  bind(session: Session): void {
    const owned = this.byId.get(session.id);
    if (owned) owned.session = session;
  }

  /** Forgets a session that has ended. @returns its epoch; `undefined` for one that it does not own */
  delete(id: string): number | undefined {
    const epoch = this.byId.get(id)?.epoch;
    if (this.byId.delete(id)) this.capacity.free();
    return epoch;
  }

  /** True for a session whose end the directory knows. */
  isOver(session: Session): boolean {
    return this.ended.has(session);
  }

  /** Notes as what a session was opened, for a directory that has lost it. */
  opened(session: Session, request: OpenSession): void {
    this.requests.set(session, request);
  }

  list(): AnnouncedSession[] {
    const copies = [...this.waiting.values()].filter(({ id }) => !this.byId.has(id));
    return [...this.listOwned(), ...copies.flatMap((session) => this.announced(session) ?? [])];
  }

  private announced(session: Session): AnnouncedSession | undefined {
    const request = this.requests.get(session);
    if (!request) return undefined;
    const { id, transport, ageMs, principal } = session;
    const { kind = 'socket', connectTimeoutMs = Infinity } = request;
    const ttlMs = Math.min(this.pendingTtlMs, connectTimeoutMs) - ageMs;
    if (ttlMs <= 0) return undefined;
    const data = dataOf({ ...request, principal });
    return { id, transport, kind, caller: callerOf(session), data, ageMs, ttlMs };
  }

  private listOwned(): AnnouncedSession[] {
    return [...this.byId.values()].flatMap(({ epoch, kind, session, aliases }) => {
      if (!session) return [];
      const { id, transport, ageMs } = session;
      const caller = callerOf(session);
      const known = { id, transport, kind, caller, data: dataOf(session), epoch, ageMs };
      return [{ ...known, ttlMs: 0, aliases: [...aliases] }];
    });
  }

  taken(id: string): void {
    const { session } = this.byId.get(id) ?? {};
    this.delete(id);
    if (!session) return;
    // The node that has it now reports its end.
    session.isDiscarded = true;
    this.ended.add(session);
    void session.end(new SessionEnd('lost', 'Another node of the fleet has this session.'));
  }

  buried(id: string): void {
    const { session } = this.byId.get(id) ?? {};
    if (!session || session.isDiscarded) return;
    session.isDiscarded = true;
    session.logger.warn('it was reported as lost while this node was out of touch; it goes on');
  }

  swept(id: string, code: 'expired' | 'lost', record: RecordedSession | undefined): void {
    if (!record) return;
    const lost = new SessionEnd('lost', 'The node of the fleet that it ran on is gone.');
    void this.over(id, record, code === 'expired' ? nobodyCame() : lost);
  }

  /** Reports the end of a session that the directory has ended. @param known its record, or its copy here */
  over(id: string, known: RecordedSession | Session, end: SessionEnd): Promise<SessionEnd> {
    const session =
      known instanceof Session
        ? known
        : this.host.restore(id, termsOf(known.transport, known.data), known.ageMs);
    this.ended.add(session);
    return session.end(end);
  }
}

/** Returns whose sessions are counted. */
export const callerOf = ({
  principal,
}: Pick<Session, 'principal'>): { id: string; maxSessions?: number } | undefined =>
  principal?.id === undefined
    ? undefined
    : { id: principal.id, maxSessions: principal.maxSessions };
