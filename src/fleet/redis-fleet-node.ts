import { randomBytes, randomUUID } from 'node:crypto';
import { RunnerLogger } from '../errors/runner-logger.js';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import { draining, FullError } from '../sessions/admission.js';
import { EndOutbox } from './end-outbox.js';
import { checkFleet, FleetSetupError } from './fleet-checks.js';
import { FleetHeartbeat, FOREIGN, ForeignFleetError, type OwnSessions } from './fleet-heartbeat.js';
import { FleetList } from './fleet-list.js';
import type { FleetGauges, FleetObserver } from './fleet-observer.js';
import { FleetSecrets } from './fleet-secrets.js';
import type { FleetStatus } from './fleet-status.js';
import { type FleetNode, type NodeInfo, NodeTable } from './node-table.js';
import {
  type RedisFleetOptions,
  resolveFleetSettings,
  type ResolvedFleetSettings,
  secretsOf,
} from './redis-fleet.options.js';
import { readStatus } from './read-fleet-status.js';
import type { RecordedSession } from './recorded-session.js';
import { DirectoryUnavailableError, RedisLink } from './redis-link.js';
import { GIVE_BACK } from './scripts/give-back.script.js';
import { FOLLOW } from './scripts/follow.script.js';
import { SessionPlaces } from './session-places.js';
import { SessionNotes } from './session-notes.js';
import { SharedAnswers } from './shared-answers.js';
import {
  type AnnouncedSession,
  type Claim,
  type DirectoryEnd,
  type DirectorySession,
  type EndOutcome,
  type NewDirectorySession,
  type RecordedRoom,
  RECORD_VERSION,
  SessionDirectory,
} from './session-directory.js';

/** Longest wait for the answers to ends when the node leaves, in milliseconds. */
const LEAVE_MS = 2_000;

/** Longest time in which nobody else retires, in milliseconds: conversations may last any time. */
const TURN_MS = 3_600_000;

/** End of a session of a node; `epoch` is that of its claim. */
export type NodeEnd = Omit<DirectoryEnd, 'nonce' | 'only'>;

/** This node, as it joins a fleet. */
export interface JoiningNode {
  /** The most sessions of the node. */
  readonly maxSessions: number;
  /** Version of this package. */
  readonly version: string;
  readonly own: OwnSessions;
  /** Returns who is told of the node's work. */
  readonly observer?: () => FleetObserver | undefined;
  /** Returns how many sessions of rooms the node takes from others, its own sessions included. @default none */
  readonly places?: () => number;
  /** Returns true if BullMQ hands rooms to other nodes. @default it does not */
  readonly handsRooms?: () => boolean;
}

/** A node of a fleet over Redis: opens, claims and ends sessions in the directory, and keeps the node's lease. */
export class RedisFleetNode {
  private readonly logger = new RunnerLogger('PipecatFleet');
  private readonly directory: SessionDirectory;
  private readonly outbox: EndOutbox;
  private readonly table: NodeTable;
  private readonly heartbeat: FleetHeartbeat;
  /** Sessions that are being opened and claimed. */
  private readonly underWay = new Set<Promise<unknown>>();
  private isDraining = false;
  private setupProblem: string | undefined;
  /** Notes of how far its sessions are. */
  readonly notes: SessionNotes;
  /** Answers that all nodes share. */
  readonly answers: SharedAnswers;
  /** Lists of the fleet's sessions. */
  readonly sessions: FleetList;
  /** Nodes that own the fleet's sessions. */
  readonly places: SessionPlaces;

  private constructor(
    private readonly link: RedisLink,
    private readonly settings: ResolvedFleetSettings,
    private readonly joining: JoiningNode,
  ) {
    const { maxSessions, version, own, places } = joining;
    const secrets = new FleetSecrets(secretsOf(settings));
    const name = `${settings.nodeName}-${randomBytes(4).toString('hex')}`;
    const info: NodeInfo = {
      ...{ url: settings.advertiseUrl, state: 'ready', maxSessions, version },
      ...{ records: RECORD_VERSION, roles: settings.roles },
    };
    this.directory = new SessionDirectory(link, secrets, settings, name, maxSessions);
    this.outbox = new EndOutbox(this.directory);
    this.table = new NodeTable(link, secrets);
    const parts = [link, secrets, this.directory, this.outbox, own, settings, info] as const;
    this.heartbeat = new FleetHeartbeat(...parts, places);
    this.notes = new SessionNotes(link, name);
    this.answers = new SharedAnswers(link, secrets, name);
    this.sessions = new FleetList(link);
    this.places = new SessionPlaces(link, this.table, this.directory);
  }

  /**
   * Joins a fleet. While Redis is away the node is alone, and joins when Redis answers.
   * @throws {InvalidOptionsError}
   * @throws {FleetSetupError} for a server or client that cannot work
   * @throws {ForeignFleetError} when a fleet with another secret uses the namespace
   */
  static async join(
    settings: Partial<RedisFleetOptions>,
    joining: JoiningNode,
  ): Promise<RedisFleetNode> {
    const resolved = resolveFleetSettings(settings);
    const node = new RedisFleetNode(
      await RedisLink.create(resolved, joining.observer),
      resolved,
      joining,
    );
    await node.begin();
    return node;
  }

  /** Name of the node, unique to its process. */
  get name(): string {
    return this.directory.node;
  }

  /** True while Redis does not answer, or has not taken the node for one of the fleet. */
  get isDegraded(): boolean {
    return this.link.isDegraded || !this.heartbeat.isMember;
  }

  /** Problem that keeps this node from working with the others; `undefined` while it works, or Redis is away. */
  get problem(): string | undefined {
    return this.heartbeat.isForeign ? FOREIGN : this.setupProblem;
  }

  /** Milliseconds until the others may take this node for dead, by its own clock; negative after that. */
  get leaseLeftMs(): number {
    return this.heartbeat.leaseLeftMs;
  }

  /** Time at which the lease began, with the last heartbeat that was answered, by the node's monotonic clock, in milliseconds. */
  get leaseBeganAtMs(): number {
    return performance.now() + this.leaseLeftMs - this.settings.leaseMs;
  }

  /**
   * Opens a session.
   * @returns its epoch: 0 while it waits for its client, 1 when it was claimed at once
   * @throws {RunnerError} `AT_CAPACITY`, `TOO_LARGE`, `WRONG_STATE`, or `DRAINING` for a client that is here while the node begins to drain
   * @throws {DirectoryUnavailableError} It is ended, should Redis have opened it.
   */
  open(session: NewDirectorySession): Promise<number> {
    return this.track(this.openUnlessDraining(session));
  }

  private async openUnlessDraining(session: NewDirectorySession): Promise<number> {
    try {
      const epoch = await this.directory.open(session);
      if (!this.isDraining || !session.isConnected) return epoch;
      this.end({ id: session.id, code: 'draining', epoch, isDiscarded: true });
      throw draining();
    } catch (error) {
      if (isInstance(error, DirectoryUnavailableError)) {
        const epoch = session.isConnected ? 1 : undefined;
        this.end({ id: session.id, code: 'start_failed', epoch });
      }
      throw error;
    }
  }

  /**
   * Opens a session in the first of some ways that has a place.
   * @param ways true to claim it at once, false to leave it to any node
   * @returns its epoch, as {@link open}
   * @throws as {@link open}
   */
  async openIn(
    [way, ...others]: readonly boolean[],
    session: NewDirectorySession,
  ): Promise<number> {
    try {
      return await this.open({ ...session, isConnected: way });
    } catch (error) {
      if (others.length === 0 || !isInstance(error, FullError)) throw error;
      return this.openIn(others, session);
    }
  }

  /** Claims a session for this node. Once it drains, the session stays for the others. @throws {DirectoryUnavailableError} @throws {RunnerError} `DRAINING` */
  claim(id: string, transports: readonly string[]): Promise<Claim> {
    return this.track(this.claimUnlessDraining(id, transports));
  }

  /** Claims a session whose bot is about to be launched here, also while it drains. @throws {DirectoryUnavailableError} */
  claimForLaunch(id: string, transport: string): Promise<Claim> {
    return this.track(this.directory.claim(id, [transport]));
  }

  private async claimUnlessDraining(id: string, transports: readonly string[]): Promise<Claim> {
    const claim = await this.directory.claim(id, transports);
    if (!this.isDraining || claim.outcome !== 'claimed') return claim;
    await this.link.run(GIVE_BACK, id, this.name, claim.epoch);
    throw draining();
  }

  /** Records a session again that the directory has lost. @throws {DirectoryUnavailableError} */
  async announce(session: AnnouncedSession): Promise<void> {
    await this.directory.announce([session], false);
  }

  /** Has the node stay until work is done. */
  private track<T>(work: Promise<T>): Promise<T> {
    this.underWay.add(work);
    return work.finally(() => this.underWay.delete(work));
  }

  /** Returns a session's record; `undefined` when there is none. @throws {DirectoryUnavailableError} */
  read(id: string): Promise<RecordedSession | undefined> {
    return this.directory.read(id);
  }

  /** Writes down the room of a session, as {@link SessionDirectory.recordRoom} does. @throws {DirectoryUnavailableError} */
  recordRoom(id: string, room: RecordedRoom): Promise<boolean> {
    return this.directory.recordRoom(id, room);
  }

  /** Leaves the bot of a room to whichever node, as {@link SessionDirectory.handOn} does. @throws {DirectoryUnavailableError} */
  handOn(id: string, epoch: number): Promise<boolean> {
    return this.directory.handOn(id, epoch);
  }

  /** Counts a session of this node as another caller's. @throws {RunnerError} `AT_CAPACITY` @throws {DirectoryUnavailableError} */
  adopt(id: string, caller: NonNullable<DirectorySession['caller']>): Promise<void> {
    return this.directory.adopt(id, caller);
  }

  /**
   * Ends a session, now or when Redis answers again.
   * @param end `epoch` is that of its claim; `undefined` for one that waits for its client
   * @param onAnswer called when its places are free
   */
  end(end: NodeEnd, onAnswer?: () => void): void {
    this.notes.delete(end.id);
    this.outbox.add({ ...end, nonce: randomUUID() }, onAnswer);
  }

  /**
   * Ends a session at once, and, when Redis does not answer, again until it does.
   * @returns what became of it; `undefined` when there was no answer. Never rejects.
   */
  endFirst(end: NodeEnd): Promise<EndOutcome | undefined> {
    this.notes.delete(end.id);
    return this.outbox.first({ ...end, nonce: randomUUID() });
  }

  /** Ends a session that waits for its client. @returns its record; `undefined` for one that is unknown, `claimed` for one that has its client */
  async endWaiting(id: string, code: string): Promise<RecordedSession | 'claimed' | undefined> {
    const record = await this.directory.read(id);
    const outcome = await this.directory.end({ id, code, only: 'pending', nonce: randomUUID() });
    if (outcome === 'changed') return 'claimed';
    return outcome === 'ended' ? record : undefined;
  }

  /** Returns what became of sessions that this node has opened, by FOLLOW's words. @throws {DirectoryUnavailableError} */
  async follow(ids: readonly string[]): Promise<string[]> {
    return (await this.link.run(FOLLOW, this.name, ...ids)).words;
  }

  /** Returns all nodes of the fleet. */
  nodes(): Promise<FleetNode[]> {
    return this.table.nodes();
  }

  /** Returns the whole fleet, as it is shown. @throws {DirectoryUnavailableError} */
  status(): Promise<FleetStatus> {
    return readStatus(this.link, this.table, this.settings);
  }

  /** Returns the counts of the fleet; `undefined` before the first heartbeat. */
  gauges(): FleetGauges | undefined {
    const { counts } = this.heartbeat;
    const leaseAgeMs = this.settings.leaseMs - this.leaseLeftMs;
    return counts && { ...counts, isDegraded: this.isDegraded, leaseAgeMs };
  }

  /**
   * Takes this node's turn to retire: one at a time, and only while none is missing, so that those before it have been replaced.
   * @throws {DirectoryUnavailableError}
   */
  async takeTurn(): Promise<boolean> {
    if (!(await this.answers.hold('retire', TURN_MS))) return false;
    await this.heartbeat.beat();
    return this.heartbeat.isWhole;
  }

  /** Tells the others that this node takes no more sessions. @throws {DirectoryUnavailableError} */
  async drain(): Promise<void> {
    this.isDraining = true;
    await this.heartbeat.setState('draining');
  }

  /** Leaves the fleet, and closes the connection. Never rejects. Without Redis the others notice the end of its lease. */
  async leave(): Promise<void> {
    await Promise.allSettled(this.underWay);
    // Others may launch again what ends first, unless they hear of it before its lease is over.
    const giveUpMs = this.outbox.hasFirst ? Math.max(LEAVE_MS, this.leaseLeftMs) : LEAVE_MS;
    const giveUp = setTimeout(() => this.outbox.stop(), giveUpMs);
    try {
      await this.heartbeat.leave();
    } catch (error) {
      this.logger.warn(`left without telling the others: ${textOfThrown(error).message}`);
    } finally {
      clearTimeout(giveUp);
      this.outbox.stop();
      this.notes.stop();
      this.link.close();
    }
  }

  private async begin(): Promise<void> {
    try {
      await this.check();
      await this.heartbeat.beat();
      const { namespace, advertiseUrl } = this.settings;
      this.logger.log(`joined the fleet ${namespace} as ${this.name}, at ${advertiseUrl}`);
    } catch (error) {
      if (isInstance(error, FleetSetupError) || isInstance(error, ForeignFleetError)) {
        this.link.close();
        throw error;
      }
      this.logger.warn(`alone until Redis answers: ${textOfThrown(error).message}`);
      this.checkWhenReady();
    }
    this.heartbeat.start();
  }

  private async check(): Promise<void> {
    const { link, directory, table } = this;
    for (const warning of await checkFleet(link, directory, table, this.joining.handsRooms?.())) {
      this.logger.warn(warning);
    }
  }

  /** Checks what could not be checked before. The runner has started, so that what cannot work can only be told. */
  private checkWhenReady(): void {
    this.link.client.once('ready', () => {
      this.check().catch((error: unknown) => {
        if (!isInstance(error, FleetSetupError)) return this.checkWhenReady();
        this.setupProblem = error.message;
        this.logger.error(`this node cannot work: ${error.message}`);
      });
    });
  }
}
