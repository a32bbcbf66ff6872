import { randomUUID } from 'node:crypto';
import { type SessionEndCode, sessionEndCodeOf } from '../bot/session-end.js';
import { RunnerError } from '../errors/runner.error.js';
import type {
  AnnouncedSession,
  Claim,
  DirectoryEnd,
  DirectorySession,
  NewDirectorySession,
  RecordedRoom,
} from './directory-session.js';
import { callerFull, FullError } from '../sessions/admission.js';
import { sessionKindOf } from '../sessions/session-registry.js';
import { noRoom, sizeRefusal } from './fleet-refusals.js';
import type { FleetSecrets } from './fleet-secrets.js';
import type { ResolvedFleetSettings } from './redis-fleet.options.js';
import { readRecord, type RecordedSession } from './recorded-session.js';
import type { RedisLink, Reply } from './redis-link.js';
import { ALIAS } from './scripts/alias.script.js';
import { OWNERS } from './scripts/owners.script.js';
import { ABANDON } from './scripts/abandon.script.js';
import { ADOPT } from './scripts/adopt.script.js';
import { ANNOUNCE, ANNOUNCED_FIELDS } from './scripts/announce.script.js';
import { CLAIM } from './scripts/claim.script.js';
import { END } from './scripts/end.script.js';
import { HAND_ON } from './scripts/hand-on.script.js';
import { OPEN } from './scripts/open.script.js';
import { REAP } from './scripts/reap.script.js';
import { ROOM } from './scripts/room.script.js';

export type * from './directory-session.js';

/** Version of the records that this node writes. It reads one version back too. */
export const RECORD_VERSION = 1;
/** Time for which an end is remembered, in milliseconds: longer than a late `open` or `announce` can be under way. */
export const REMEMBER_END_MS = 60_000;
/** The same for an end of which its former owner is not told: longer than that owner may be cut off. */
const REMEMBER_LONG_MS = 3_600_000;
/** Time after which the job of a room that nobody has claimed is handed out again, in milliseconds: it may be lost. */
const JOB_AGAIN_MS = 2_000;
/** The most sessions that one run of a script reaps or announces. */
export const MAX_BATCH = 100;

const END_OUTCOMES = ['ended', 'gone', 'fenced', 'changed'] as const;

/** `ended` by this call, also one that was unknown and now is never opened; `gone`: ended before; `fenced`: owned by another; `changed`: no more in the required state. */
export type EndOutcome = (typeof END_OUTCOMES)[number];

const ANNOUNCE_OUTCOMES = ['kept', 'taken', 'gone', 'buried'] as const;

/** `kept`, `taken` by another node, `gone`: ended meanwhile, or `buried`: kept, but reported as lost already. */
export type AnnounceOutcome = (typeof ANNOUNCE_OUTCOMES)[number];

/** Directory of the fleet's sessions in Redis. Every operation may have been carried out although its answer never came, and can be repeated. */
export class SessionDirectory {
  /** The most sessions of all nodes that there were at the last heartbeat. */
  nodesMax = 0;

  constructor(
    private readonly link: RedisLink,
    private readonly secrets: FleetSecrets,
    private readonly settings: Pick<
      ResolvedFleetSettings,
      | 'leaseMs'
      | 'maxSessions'
      | 'maxBodyBytes'
      | 'historySize'
      | 'dispatchTimeoutMs'
      | 'onNodeLoss'
    >,
    /** Name of this node, unique to its process. */
    readonly node: string,
    /** The most sessions of this node. */
    private readonly maxSessions: number,
  ) {}

  /**
   * Opens a session.
   * @param nonce the same for each repetition
   * @returns its epoch: 0 while it waits for its client, 1 when it was claimed at once
   * @throws {RunnerError} `AT_CAPACITY`, `TOO_LARGE`, or `WRONG_STATE` for an id that was used before
   * @throws {DirectoryUnavailableError} It may be open nevertheless: its end has to follow.
   */
  async open(session: NewDirectorySession, nonce: string = randomUUID()): Promise<number> {
    const { id, transport, kind, caller, ttlMs, isConnected } = session;
    const reply = await this.link.run(
      OPEN,
      ...[id, this.node, nonce, isConnected ? this.node : '', transport, kind],
      ...[this.callerNames(caller), caller?.maxSessions ?? Infinity, this.settings.maxSessions],
      ...[this.maxSessions, ttlMs, this.settings.leaseMs, RECORD_VERSION, this.seal(session)],
      this.nodesMax,
    );
    const outcome = reply.text(0);
    if (outcome === 'ok') return reply.number(1);
    if (outcome === 'fleet_full') throw new FullError(reply.number(1), 'fleet');
    throw this.refusal(outcome, session);
  }

  /**
   * Claims a session for this node, and takes one of its places. Its `onNodeLoss` counts for a room.
   * @param nonce the same for each repetition
   * @throws {DirectoryUnavailableError} It may be claimed nevertheless.
   */
  async claim(
    id: string,
    transports: readonly string[],
    nonce: string = randomUUID(),
  ): Promise<Claim> {
    const { leaseMs, onNodeLoss } = this.settings;
    const reply = await this.link.run(
      CLAIM,
      ...[id, this.node, nonce, this.maxSessions, leaseMs],
      ...[RECORD_VERSION - 1, RECORD_VERSION, this.restartMs(onNodeLoss === 'restart')],
      ...transports,
    );
    const outcome = reply.text(0);
    switch (outcome) {
      case 'ok':
        return this.claimed(id, reply, nonce);
      case 'taken':
      case 'expired':
      case 'node_full':
      case 'unreadable':
        return { outcome };
      default:
        return { outcome: 'missing' };
    }
  }

  /**
   * Counts a session of this node as another caller's.
   * @throws {RunnerError} `AT_CAPACITY`
   * @throws {DirectoryUnavailableError}
   */
  async adopt(id: string, caller: NonNullable<DirectorySession['caller']>): Promise<void> {
    const { maxSessions = Infinity } = caller;
    const reply = await this.link.run(ADOPT, id, this.node, this.callerNames(caller), maxSessions);
    if (reply.text(0) === 'caller_full') throw callerFull(maxSessions);
  }

  /** Gives a session of this node one more name, which nobody reads in Redis. @throws {DirectoryUnavailableError} */
  async alias(id: string, name: string): Promise<void> {
    await this.link.run(ALIAS, id, this.secrets.nameOf(name));
  }

  /** Returns the names of the nodes that own sessions of a name. @throws {DirectoryUnavailableError} */
  async ownersOf(name: string): Promise<string[]> {
    return (await this.link.run(OWNERS, ...this.secrets.namesOf(name))).words;
  }

  /** Returns a session's record; `undefined` when there is none. @throws {DirectoryUnavailableError} */
  read(id: string): Promise<RecordedSession | undefined> {
    return readRecord(this.link, this.secrets, id);
  }

  /**
   * Writes down the room of a session that this node owns, or that waits for its bot.
   * @returns false when it has ended, or another node owns it
   * @throws {RunnerError} `TOO_LARGE`
   * @throws {DirectoryUnavailableError}
   */
  async recordRoom(id: string, room: RecordedRoom): Promise<boolean> {
    const { dispatchTimeoutMs } = this.settings;
    const [sealed, restartMs] = this.sealedRoom(id, room);
    const reply = await this.link.run(
      ROOM,
      ...[id, this.node, dispatchTimeoutMs, JOB_AGAIN_MS, restartMs, sealed],
    );
    return reply.text(0) === 'ok';
  }

  /**
   * Leaves the bot of a room that this node does not run any more to whichever node, if it is to be restarted.
   * @param epoch that of this node's claim
   * @returns false when no node takes rooms, or the session has ended
   * @throws {DirectoryUnavailableError} It may be handed on nevertheless.
   */
  async handOn(id: string, epoch: number): Promise<boolean> {
    const reply = await this.link.run(HAND_ON, id, this.node, epoch, JOB_AGAIN_MS);
    return reply.text(0) === 'ok';
  }

  /** @throws {DirectoryUnavailableError} */
  async end({
    id,
    code,
    epoch,
    only,
    botStartMs,
    isDiscarded,
    nonce,
  }: DirectoryEnd): Promise<EndOutcome> {
    const reply = await this.link.run(
      END,
      ...[id, epoch ?? '', nonce, only ?? '', code, botStartMs ?? ''],
      ...[REMEMBER_END_MS, REMEMBER_LONG_MS, isDiscarded ? 0 : this.settings.historySize],
    );
    return END_OUTCOMES.find((one) => one === reply.text(0)) ?? 'gone';
  }

  /**
   * Marks up to 100 sessions of a dead node as lost.
   * @param leaves true for this node itself, when it leaves
   * @returns how many are left, and the rooms whose bots are to be launched again; `undefined` when the node is alive, gone, or nobody may be reaped yet
   * @throws {DirectoryUnavailableError}
   */
  async reap(
    node: string,
    leaves = false,
  ): Promise<{ lost: number; left: number; restarted: readonly string[] } | undefined> {
    const lostMs = 3 * this.settings.leaseMs;
    const reply = await this.link.run(
      REAP,
      ...[node, MAX_BATCH, lostMs, leaves ? 1 : 0, JOB_AGAIN_MS],
    );
    if (reply.text(0) !== 'ok') return undefined;
    return { lost: reply.number(1), left: reply.number(2), restarted: reply.list(3) };
  }

  /**
   * Marks an active session as lost at once, as {@link reap} does.
   * @returns the code of its end, for one that has ended within a minute; `undefined` for any other
   * @throws {DirectoryUnavailableError}
   */
  async abandon(id: string): Promise<SessionEndCode | undefined> {
    const reply = await this.link.run(ABANDON, id, 3 * this.settings.leaseMs);
    if (reply.text(0) === 'lost') this.link.observer()?.lost(1);
    return sessionEndCodeOf(reply.text(1));
  }

  /**
   * Records up to 100 sessions of this node again.
   * @param isLast true for the last of them, after which the directory knows this node
   * @throws {DirectoryUnavailableError}
   */
  async announce(
    sessions: readonly AnnouncedSession[],
    isLast: boolean,
  ): Promise<Map<string, AnnounceOutcome>> {
    const reply = await this.link.run(
      ANNOUNCE,
      ...[this.node, isLast ? 1 : 0, this.settings.leaseMs, RECORD_VERSION],
      ...sessions.flatMap((session) => this.announced(session)),
    );
    return new Map(
      sessions.map(({ id }, at) => [
        id,
        ANNOUNCE_OUTCOMES.find((one) => one === reply.text(at)) ?? 'kept',
      ]),
    );
  }

  private announced(session: AnnouncedSession): (string | number)[] {
    const { id, transport, kind, caller, epoch, ageMs, ttlMs, room, aliases = [] } = session;
    const fields = [
      ...[id, epoch === undefined ? 'pending' : 'active', epoch ?? 0, randomUUID(), transport],
      ...[
        kind,
        caller ? this.secrets.nameOf(caller.id) : '',
        Math.round(ageMs),
        Math.round(ttlMs),
        this.seal(session),
      ],
      ...(room ? this.sealedRoom(id, room) : ['', '']),
      aliases.map((name) => this.secrets.nameOf(name)).join(' '),
      ...(session.note ?? ['', '', '']),
    ];
    if (fields.length !== ANNOUNCED_FIELDS) throw new TypeError('announce takes other fields');
    return fields;
  }

  private async claimed(id: string, reply: Reply, nonce: string): Promise<Claim> {
    const epoch = reply.number(1);
    const text = this.secrets.unseal(id, 'data', reply.text(4));
    if (text === undefined) {
      await this.end({ id, epoch, code: 'start_failed', nonce });
      return { outcome: 'unreadable' };
    }
    return {
      outcome: 'claimed',
      epoch,
      transport: reply.text(2),
      kind: sessionKindOf(reply.text(3)),
      openedAtMs: reply.number(5),
      openedBy: reply.text(6),
      data: text === '' ? undefined : (JSON.parse(text) as unknown),
      room: this.secrets.unseal(id, 'room', reply.text(7)) || undefined,
      handedForMs: reply.text(8) === '' ? undefined : reply.number(8),
    };
  }

  /** Words by which the sessions of a caller are counted, this node's first. */
  private callerNames(caller: DirectorySession['caller']): string {
    return caller ? this.secrets.namesOf(caller.id).join(' ') : '';
  }

  private sealedRoom(id: string, { text, restarts }: RecordedRoom): [string, number | ''] {
    return [this.sealText(id, 'room', text), this.restartMs(restarts)];
  }

  /** Returns how long a room whose node died may wait for its next bot; '' for one that gets none. */
  private restartMs(restarts: boolean): number | '' {
    return restarts ? this.settings.dispatchTimeoutMs : '';
  }

  private seal({ id, data }: DirectorySession): string {
    return this.sealText(id, 'data', JSON.stringify(data) ?? '');
  }

  private sealText(id: string, field: string, text: string): string {
    const refusal = sizeRefusal(text, this.settings.maxBodyBytes);
    if (refusal) throw refusal;
    return this.secrets.seal(id, field, text);
  }

  private refusal(outcome: string, { id, caller }: DirectorySession): RunnerError {
    switch (outcome) {
      case 'node_full':
        return new FullError(this.maxSessions, 'runner');
      case 'rooms_full':
        return noRoom();
      case 'caller_full':
        return callerFull(caller?.maxSessions ?? 0);
      default:
        return new RunnerError('WRONG_STATE', `Session ${id} was opened before.`);
    }
  }
}
