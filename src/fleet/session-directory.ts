import { randomUUID } from 'node:crypto';
import { RunnerError } from '../errors/runner.error.js';
import { callerFull, FullError } from '../sessions/admission.js';
import { ageOf } from './fleet-refusals.js';
import type { FleetSecrets } from './fleet-secrets.js';
import type { ResolvedFleetSettings } from './redis-fleet.options.js';
import type { RedisLink, Reply } from './redis-link.js';
import { ALIAS } from './scripts/alias.script.js';
import { OWNERS } from './scripts/owners.script.js';
import { ADOPT } from './scripts/adopt.script.js';
import { ANNOUNCE, ANNOUNCED_FIELDS } from './scripts/announce.script.js';
import { CLAIM } from './scripts/claim.script.js';
import { END } from './scripts/end.script.js';
import { OPEN } from './scripts/open.script.js';
import { REAP } from './scripts/reap.script.js';

/** Version of the records that this node writes. It reads one version back too. */
export const RECORD_VERSION = 1;
/** Time for which an end is remembered, in milliseconds: longer than a late `open` or `announce` can be under way. */
const REMEMBER_END_MS = 60_000;
/** The most sessions that one run of a script reaps or announces. */
export const MAX_BATCH = 100;

/** A session as the directory knows it. */
export interface DirectorySession {
  readonly id: string;
  /** Wire name of the transport. */
  readonly transport: string;
  /** Way in which its client comes: `room` for bots that can run on any node. */
  readonly kind: 'socket' | 'peer' | 'room';
  /** Principal whose sessions are counted, with its own limit. */
  readonly caller?: { readonly id: string; readonly maxSessions?: number };
  /** Body, claims and whatever else is confidential, as JSON can hold it. */
  readonly data?: unknown;
}

/** A session to be opened. */
export interface NewDirectorySession extends DirectorySession {
  /** Time for its client to come, in milliseconds. */
  readonly ttlMs: number;
  /** True to claim it in the same step, for a client that is connected already. */
  readonly isConnected?: boolean;
}

/** A session that this node owns, or has opened without the directory. */
export interface AnnouncedSession extends DirectorySession {
  /** Its epoch, from {@link SessionDirectory.claim}; `undefined` while it waits for its client. */
  readonly epoch?: number;
  readonly ageMs: number;
  /** Time that is left for its client to come, in milliseconds. */
  readonly ttlMs: number;
  /** Its other names. @default none */
  readonly aliases?: readonly string[];
}

/** Outcome of a claim. */
export type Claim =
  | {
      readonly outcome: 'claimed';
      readonly epoch: number;
      readonly transport: string;
      readonly kind: string;
      readonly openedBy: string;
      readonly openedAtMs: number;
      readonly data: unknown;
    }
  /**
   * `missing`: never opened, ended, or of another transport; `unreadable`: of a version that another node may read, or sealed under an unknown secret, which
   * ends it.
   */
  | { readonly outcome: 'missing' | 'taken' | 'expired' | 'node_full' | 'unreadable' };

/** A session as its record tells it. */
export interface RecordedSession {
  readonly transport: string;
  readonly ageMs: number;
  /** `undefined` also for what this node cannot read. */
  readonly data: unknown;
}

/** End of a session, as the history keeps it. */
export interface DirectoryEnd {
  readonly id: string;
  readonly code: string;
  /** Epoch of the owner; `undefined` for a session that waits for its client. */
  readonly epoch?: number;
  /** Only if it still waits (`pending`), or is given up (`lost`). */
  readonly only?: 'pending' | 'lost';
  readonly botStartMs?: number;
  /** True to keep it out of the history. */
  readonly isDiscarded?: boolean;
  /** The same for each repetition. */
  readonly nonce: string;
}

const END_OUTCOMES = ['ended', 'gone', 'fenced', 'changed'] as const;

/** `ended` by this call, also one that was unknown and now is never opened; `gone`: ended before; `fenced`: owned by another; `changed`: no more in the required state. */
export type EndOutcome = (typeof END_OUTCOMES)[number];

const ANNOUNCE_OUTCOMES = ['kept', 'taken', 'gone', 'buried'] as const;

/** `kept`, `taken` by another node, `gone`: ended meanwhile, or `buried`: kept, but reported as lost already. */
export type AnnounceOutcome = (typeof ANNOUNCE_OUTCOMES)[number];

/** Directory of the fleet's sessions in Redis. Every operation may have been carried out although its answer never came, and can be repeated. */
export class SessionDirectory {
  constructor(
    private readonly link: RedisLink,
    private readonly secrets: FleetSecrets,
    private readonly settings: Pick<
      ResolvedFleetSettings,
      'leaseMs' | 'maxSessions' | 'maxBodyBytes' | 'historySize'
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
      ...[this.callerKey(session), caller?.maxSessions ?? Infinity, this.settings.maxSessions],
      ...[this.maxSessions, ttlMs, this.settings.leaseMs, RECORD_VERSION, this.seal(session)],
    );
    const outcome = reply.text(0);
    if (outcome === 'ok') return reply.number(1);
    throw this.refusal(outcome, session);
  }

  /**
   * Claims a session for this node, and takes one of its places.
   * @param nonce the same for each repetition
   * @throws {DirectoryUnavailableError} It may be claimed nevertheless.
   */
  async claim(
    id: string,
    transports: readonly string[],
    nonce: string = randomUUID(),
  ): Promise<Claim> {
    const reply = await this.link.run(
      CLAIM,
      ...[id, this.node, nonce, this.maxSessions, this.settings.leaseMs],
      ...[RECORD_VERSION - 1, RECORD_VERSION, ...transports],
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
    const key = this.secrets.callerKey(caller.id);
    const reply = await this.link.run(ADOPT, id, this.node, key, maxSessions);
    if (reply.text(0) === 'caller_full') throw callerFull(maxSessions);
  }

  /** Gives a session of this node one more name, which nobody reads in Redis. @throws {DirectoryUnavailableError} */
  async alias(id: string, name: string): Promise<void> {
    await this.link.run(ALIAS, id, this.secrets.callerKey(name));
  }

  /** Returns the names of the nodes that own sessions of a name. @throws {DirectoryUnavailableError} */
  async ownersOf(name: string): Promise<string[]> {
    return (await this.link.run(OWNERS, this.secrets.callerKey(name))).words;
  }

  /** Returns a session's record; `undefined` when there is none. @throws {DirectoryUnavailableError} */
  async read(id: string): Promise<RecordedSession | undefined> {
    const [transport, at, sealed] = await this.link.fields(`s:${id}`, 'tp', 'at', 'b');
    if (!transport) return undefined;
    const text = this.secrets.unseal(id, 'data', sealed ?? '');
    const ageMs = ageOf(Number(at));
    return { transport, ageMs, data: text ? (JSON.parse(text) as unknown) : undefined };
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
      ...[REMEMBER_END_MS, isDiscarded ? 0 : this.settings.historySize],
    );
    return END_OUTCOMES.find((one) => one === reply.text(0)) ?? 'gone';
  }

  /**
   * Marks up to 100 sessions of a dead node as lost.
   * @param leaves true for this node itself, when it leaves
   * @returns how many are left; `undefined` when the node is alive, gone, or nobody may be reaped yet
   * @throws {DirectoryUnavailableError}
   */
  async reap(node: string, leaves = false): Promise<{ lost: number; left: number } | undefined> {
    const lostMs = 3 * this.settings.leaseMs;
    const reply = await this.link.run(REAP, node, MAX_BATCH, lostMs, leaves ? 1 : 0);
    return reply.text(0) === 'ok' ? { lost: reply.number(1), left: reply.number(2) } : undefined;
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
    const { id, transport, kind, epoch, ageMs, ttlMs, aliases = [] } = session;
    const fields = [
      ...[id, epoch === undefined ? 'pending' : 'active', epoch ?? 0, randomUUID(), transport],
      ...[kind, this.callerKey(session), Math.round(ageMs), Math.round(ttlMs), this.seal(session)],
      aliases.map((name) => this.secrets.callerKey(name)).join(' '),
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
      kind: reply.text(3),
      openedAtMs: reply.number(5),
      openedBy: reply.text(6),
      data: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
  }

  private callerKey({ caller }: DirectorySession): string {
    return caller ? this.secrets.callerKey(caller.id) : '';
  }

  private seal({ id, data }: DirectorySession): string {
    const text = JSON.stringify(data) ?? '';
    const { maxBodyBytes } = this.settings;
    if (Buffer.byteLength(text) > maxBodyBytes) {
      throw new RunnerError(
        'TOO_LARGE',
        `The body is too large for a fleet: at most ${maxBodyBytes} bytes as JSON.`,
      );
    }
    return this.secrets.seal(id, 'data', text);
  }

  private refusal(outcome: string, { id, caller }: DirectorySession): RunnerError {
    switch (outcome) {
      case 'fleet_full':
        return new FullError(this.settings.maxSessions, 'fleet');
      case 'node_full':
        return new FullError(this.maxSessions, 'runner');
      case 'caller_full':
        return callerFull(caller?.maxSessions ?? 0);
      default:
        return new RunnerError('WRONG_STATE', `Session ${id} was opened before.`);
    }
  }
}
