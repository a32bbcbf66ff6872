import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunnerLogger } from '../errors/runner-logger.js';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import { ClockWatch } from './clock-watch.js';
import type { EndOutbox } from './end-outbox.js';
import type { FleetSecrets } from './fleet-secrets.js';
import type { FleetGauges } from './fleet-observer.js';
import type { NodeInfo, NodeVitals } from './node-table.js';
import type { ResolvedFleetSettings } from './redis-fleet.options.js';
import type { RedisLink, Reply } from './redis-link.js';
import { BEAT } from './scripts/beat.script.js';
import {
  type AnnouncedSession,
  type DirectoryEnd,
  MAX_BATCH,
  type SessionDirectory,
} from './session-directory.js';
import type { RecordedSession } from './recorded-session.js';

/** Code of the end of a session that no node owns. */
export type SweptCode = 'expired' | 'lost' | 'start_failed';

/** Time for which a node that is gone is missed, in milliseconds. */
const MISSED_MS = 600_000;

/** The most reasons that are logged while no heartbeat is answered. */
const MAX_REASONS = 10;

/** Sessions of this node, as the heartbeat needs them. */
export interface OwnSessions {
  /** Number of sessions that the node owns. */
  readonly size: number;
  /** Returns the node's load, for the others. */
  vitals(): NodeVitals;
  /** The sessions that it owns, and, without an epoch, those that it has opened and that wait. */
  list(): readonly AnnouncedSession[];
  /**
   * Called with a session that waits before the directory is told of it: from then on that alone decides about it.
   * @param isSteady true if Redis has answered for a while
   * @returns false for one that is not to be announced: it has its client meanwhile, or this node goes on deciding about it
   */
  handOver(id: string, isSteady: boolean): boolean;
  /** Called for a session that another node owns meanwhile, or has ended. */
  taken(id: string): void;
  /** Called for a session whose end was reported as `lost` already, so that it is not reported twice. */
  buried(id: string): void;
  /** Called on one node for each session that ended without an owner. @param record its record, if it could be read */
  swept(id: string, code: SweptCode, record: RecordedSession | undefined): void;
  /** Called on one node with rooms whose bots have to be launched, and whose jobs are lost or never were. */
  dispatch(ids: readonly string[]): void;
}

/** Problem of a node beside another fleet, and its mend. */
export const FOREIGN =
  'another fleet, with another secret, uses this namespace: give each its own, or the same secret to all nodes';

/** Another fleet, with another secret, uses the namespace. */
export class ForeignFleetError extends Error {
  override readonly name = 'ForeignFleetError';
}

/** Heartbeat of a node: keeps its lease, cleans up after others, and announces its own sessions where the directory does not know them. */
export class FleetHeartbeat {
  private readonly logger = new RunnerLogger('PipecatFleet');
  private readonly stopped = new AbortController();
  private leaseUntilMs = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private announcing: Promise<void> | undefined;
  /** True once an announcement was not answered, until the next one. */
  private mustAnnounce = false;
  /** Sessions of the directory that this node did not know at the last heartbeat; `undefined` when both agreed. */
  private strangers: ReadonlySet<string> | undefined;
  /** True while the fleet takes this node: from its first heartbeat, unless another fleet answers. */
  isMember = false;
  /** True while another fleet answers. */
  isForeign = false;
  private held = 0;
  private readonly clocks = new ClockWatch();
  /** Reasons that were logged since the last heartbeat that was answered. */
  private readonly told = new Set<string>();
  /** Counts of the fleet, of the last heartbeat. */
  counts: Pick<FleetGauges, 'nodes' | 'sessions'> | undefined;
  /** The most nodes that took sessions, and when. */
  private most = { nodes: 0, atMs: -Infinity };

  constructor(
    private readonly link: RedisLink,
    private readonly secrets: FleetSecrets,
    private readonly directory: SessionDirectory,
    private readonly outbox: EndOutbox,
    private readonly own: OwnSessions,
    private readonly settings: Pick<ResolvedFleetSettings, 'heartbeatMs' | 'leaseMs'>,
    private info: NodeInfo,
    /** Returns how many sessions of rooms this node takes from others, its own sessions included. */
    private readonly places: () => number = () => 0,
  ) {}

  /** Milliseconds until the lease is over by this node's own clock; negative after that. */
  get leaseLeftMs(): number {
    return this.leaseUntilMs - performance.now();
  }

  /** True while as many nodes take sessions as did within the last ten minutes. */
  get isWhole(): boolean {
    return this.taking >= this.most.nodes;
  }

  private get taking(): number {
    const { ready = 0, overloaded = 0 } = this.counts?.nodes ?? {};
    return ready + overloaded;
  }

  /** Beats until it is stopped. Each new connection announces, since its server may have lost what the old one knew. */
  start(): void {
    this.link.client.on('ready', () => void this.announce());
    this.schedule(0);
  }

  /** Tells the others at once. */
  async setState(state: NodeInfo['state']): Promise<void> {
    this.info = { ...this.info, state };
    await this.beat();
  }

  /** Stops, and removes the node from the table. Sessions that it still has count as lost. */
  async leave(): Promise<void> {
    this.stop();
    await this.announcing;
    await this.outbox.flushed();
    const { node } = this.directory;
    for (let left = 1; left > 0;) left = (await this.directory.reap(node, true))?.left ?? 0;
  }

  stop(): void {
    this.stopped.abort();
    clearTimeout(this.timer);
  }

  /**
   * Sends one heartbeat, and begins what it asks for.
   * @throws {ForeignFleetError} @throws {DirectoryUnavailableError}
   */
  async beat(): Promise<void> {
    const { heartbeatMs, leaseMs } = this.settings;
    const { node } = this.directory;
    const { roles, maxSessions } = this.info;
    const info = JSON.stringify({ ...this.info, ...this.own.vitals() });
    const sentAtMs = performance.now();
    const reply = await this.link.run(
      BEAT,
      ...[node, leaseMs, Math.max(2_000, heartbeatMs), info, this.secrets.signNode(node, info)],
      ...[this.places(), roles.length > 0 ? maxSessions : 0],
      ...this.secrets.fingerprints,
    );
    this.isMember = reply.text(0) === 'ok';
    this.isForeign = !this.isMember;
    if (this.isForeign) throw new ForeignFleetError(FOREIGN);
    this.leaseUntilMs = sentAtMs + leaseMs;
    const warning = this.clocks.look(reply.number(1));
    if (warning !== undefined) this.logger.warn(warning);
    this.counts = countsIn(reply);
    this.directory.nodesMax = reply.number(17);
    const nodes = this.taking;
    if (nodes >= this.most.nodes || sentAtMs - this.most.atMs > MISSED_MS) {
      this.most = { nodes, atMs: sentAtMs };
    }
    this.say(reply);
    this.own.dispatch(reply.list(10));
    await Promise.all([this.compare(reply), ...reply.list(7).map((dead) => this.reap(dead))]);
    await Promise.all([
      ...reply.list(8).map((id) => this.sweep(id, 'pending')),
      ...reply.list(9).map((id) => this.sweep(id, 'lost')),
    ]);
  }

  /** Announces all sessions: those that wait for their client first, the others spread, so that a returned Redis is not flooded. */
  async announce(): Promise<void> {
    // Nor is another fleet told anything. The first heartbeat announces.
    if (!this.isMember) return;
    this.mustAnnounce = false;
    this.announcing ??= this.announceAll()
      .catch((error: unknown) => {
        this.mustAnnounce = true;
        this.tellOnce(error, 'not announced:');
      })
      .finally(() => (this.announcing = undefined));
    return this.announcing;
  }

  private schedule(inMs: number): void {
    if (this.stopped.signal.aborted) return;
    this.timer = setTimeout(() => void this.tick(), inMs).unref();
  }

  private async tick(): Promise<void> {
    const begunAtMs = performance.now();
    try {
      await this.beat();
      this.told.clear();
    } catch (error) {
      this.tellOnce(error);
    }
    this.schedule(Math.max(0, this.settings.heartbeatMs - (performance.now() - begunAtMs)));
  }

  private tellOnce(error: unknown, what = 'no heartbeat:'): void {
    const reason = textOfThrown(error).message;
    const line = `${what} ${reason}`;
    if (this.told.has(line) || this.told.size === MAX_REASONS) return;
    this.told.add(line);
    if (!isInstance(error, ForeignFleetError)) this.logger.warn(line);
    else this.logger.error(`this node cannot work with the others: ${reason}`);
  }

  private say(reply: Reply): void {
    const held = reply.number(5);
    if (held > this.held) {
      this.logger.warn(
        `${held} more node(s) are silent; at most a third is given up within a lease of ${this.settings.leaseMs} ms`,
      );
    }
    this.held = held;
  }

  /** Announces when the directory does not know this node, or did not answer before, or its number of sessions differs at two heartbeats. */
  private async compare(reply: Reply): Promise<void> {
    const before = this.strangers;
    if (reply.number(2) !== 1 || this.mustAnnounce) void this.announce();
    if (reply.number(3) === this.own.size) {
      this.strangers = undefined;
      return;
    }
    const { client, prefix } = this.link;
    const recorded = await client.smembers(`${prefix}own:${this.directory.node}`);
    const owned = this.own.list().filter(({ epoch }) => epoch !== undefined);
    const known = new Set(owned.map(({ id }) => id));
    const strangers = new Set(recorded.filter((id) => !known.has(id) && !this.outbox.has(id)));
    this.strangers = strangers;
    if (!before) return;
    void this.announce();
    const forgotten = [...strangers].filter((id) => before.has(id)).slice(0, MAX_BATCH);
    await Promise.all(forgotten.map((id) => this.endForgotten(id)));
  }

  /** Ends a session whose claim was carried out, but never answered, or whose bot was stopped without Redis. One of a room is handed on where it can be. */
  private async endForgotten(id: string): Promise<void> {
    const record = await this.directory.read(id);
    if (!record) return;
    const { epoch, kind } = record;
    if (await this.directory.handOn(id, epoch)) return this.own.dispatch([id]);
    this.endSwept({ id, epoch, code: kind === 'room' ? 'lost' : 'start_failed' }, record);
  }

  private async reap(dead: string): Promise<void> {
    let [lost, restarted] = [0, 0];
    for (let left = 1; left > 0;) {
      const reaped = await this.directory.reap(dead);
      if (!reaped) break;
      left = reaped.left;
      lost += reaped.lost;
      restarted += reaped.restarted.length;
      this.own.dispatch(reaped.restarted);
    }
    this.link.observer()?.lost(lost);
    this.logger.warn(
      `node ${dead} is silent: ${lost} session(s) of it are lost, ${restarted} are launched again`,
    );
  }

  private async sweep(id: string, only: 'pending' | 'lost'): Promise<void> {
    const record = await this.directory.read(id);
    this.endSwept({ id, only, code: only === 'lost' ? only : pendingEnd(record) }, record);
  }

  /** Ends a session that nobody serves, and tells it where this was the end. */
  private endSwept(
    end: Omit<DirectoryEnd, 'nonce'> & { code: SweptCode },
    record: RecordedSession | undefined,
  ): void {
    this.outbox.add({ ...end, nonce: randomUUID() }, (outcome) => {
      if (outcome === 'ended') this.own.swept(end.id, end.code, record);
    });
  }

  private async announceAll(): Promise<void> {
    const sessions = this.own.list();
    const listedAtMs = performance.now();
    const pending = sessions.filter(({ epoch }) => epoch === undefined);
    const active = sessions.filter(({ epoch }) => epoch !== undefined);
    for (const batch of batchesOf(pending)) {
      const isSteady = !this.link.isDegraded;
      const handed = batch.filter(({ id }) => this.own.handOver(id, isSteady));
      await this.announceBatch(handed, false);
    }
    const batches = batchesOf(active);
    for (const [at, batch] of batches.entries()) {
      // All nodes begin at the same moment.
      const pauseMs = (Math.random() * this.settings.leaseMs) / 2 / batches.length;
      await sleep(pauseMs, undefined, { ref: false, signal: this.stopped.signal });
      const sinceMs = performance.now() - listedAtMs;
      const aged = batch.map((one) => ({ ...one, ageMs: one.ageMs + sinceMs }));
      await this.announceBatch(aged, at === batches.length - 1);
    }
    if (batches.length === 0) await this.announceBatch([], true);
    if (sessions.length > 0) this.logger.log(`announced ${sessions.length} session(s)`);
  }

  private async announceBatch(batch: readonly AnnouncedSession[], isLast: boolean): Promise<void> {
    for (const [id, outcome] of await this.directory.announce(batch, isLast)) {
      if (outcome === 'taken' || outcome === 'gone') this.own.taken(id);
      if (outcome === 'buried') this.own.buried(id);
    }
  }
}

/** Returns the counts in the answer to a heartbeat. */
function countsIn(reply: Reply): Pick<FleetGauges, 'nodes' | 'sessions'> {
  const [all, ready, overloaded, draining, waiting, lost] = [11, 12, 13, 14, 15, 16].map((at) =>
    reply.number(at),
  ) as [number, number, number, number, number, number];
  const silent = all - ready - overloaded - draining;
  return {
    nodes: { ready, overloaded, draining, silent },
    sessions: { waiting, active: reply.number(4) - waiting, lost },
  };
}

/** Returns the code for a session whose time to wait is over: for its client, for its first bot, or for another one. */
function pendingEnd(record: RecordedSession | undefined): SweptCode {
  if (record?.kind !== 'room') return 'expired';
  return record.epoch === 0 ? 'start_failed' : 'lost';
}

function batchesOf<T>(all: readonly T[]): T[][] {
  const batches: T[][] = [];
  for (let at = 0; at < all.length; at += MAX_BATCH) batches.push(all.slice(at, at + MAX_BATCH));
  return batches;
}
