import { setTimeout as sleep } from 'node:timers/promises';
import { SessionEnd } from '../bot/session-end.js';
import { logThrown, RunnerLogger } from '../errors/runner-logger.js';
import { RunnerError } from '../errors/runner.error.js';
import { textOfThrown } from '../errors/thrown.js';
import type { ResolvedRunnerOptions } from '../runner.options.js';
import type { Capacity } from '../sessions/admission.js';
import type { OpenSession } from '../sessions/session-registry.js';
import type { Session } from '../sessions/session.js';
import { InvalidOptionsError } from '../validation/options.js';
import type { RecordedRoom } from './directory-session.js';
import type { FleetRole } from './fleet-status.js';
import { LeaseWatch } from './lease-watch.js';
import type { FleetHost, RoomTransports, SessionRoom } from './fleet.js';
import type { OwnedSessions } from './owned-sessions.js';
import type { RedisFleetNode } from './redis-fleet-node.js';
import type { ResolvedFleetSettings } from './redis-fleet.options.js';
import type { RecordedSession } from './recorded-session.js';
import { type RoomJob, RoomQueue } from './room-queue.js';
import { MAX_BATCH, REMEMBER_END_MS } from './session-directory.js';
import { endOf } from './session-record.js';
import { roomOf, textOfRoom } from './session-room.js';

/** Interval in which a full node looks for a free place, in milliseconds. */
const FULL_MS = 50;
/** Pause after Redis did not answer, in milliseconds. */
const AWAY_MS = 500;
/** Time for which no job can be fetched until that is a warning, in milliseconds. */
const FETCH_WARN_MS = 5_000;

/** Rooms whose bots run on other nodes than those that answered `/start`: hands them over, and takes those of others while this node has a place. */
export class RoomDispatch {
  private readonly logger = new RunnerLogger('PipecatFleet');
  private readonly stopped = new AbortController();
  /** Sessions that this node has set up. */
  private readonly setUp = new WeakSet<Session>();
  /** Rooms of the sessions that this node has claimed. */
  private readonly claimed = new WeakMap<Session, string>();
  /** Ids of the sessions whose bots are here. */
  private readonly running = new Set<string>();
  /** Sessions that were left to the others while Redis did not answer, and since when by the monotonic clock. */
  private readonly left = new Map<string, { atMs: number; record: RecordedSession | undefined }>();
  /** Since when by the monotonic clock no job can be fetched, and whether that is in the log; `undefined` while it can. */
  private unfetched: { readonly sinceMs: number; isTold: boolean } | undefined;
  private queue: RoomQueue | undefined;
  private watch: LeaseWatch | undefined;
  private node: RedisFleetNode | undefined;

  constructor(
    private readonly settings: ResolvedFleetSettings,
    private readonly owned: OwnedSessions,
    private readonly capacity: Capacity,
    private readonly options: Pick<ResolvedRunnerOptions, 'maxSessions' | 'stopGraceMs'>,
    private readonly host: FleetHost,
  ) {}

  /** True if other nodes can run the bots of this one's rooms. */
  get isOn(): boolean {
    return this.queue !== undefined;
  }

  /** Number of places that this node offers to rooms, of which its sessions take some. */
  get places(): number {
    const { closed, overloaded } = this.capacity;
    const isOpen = this.isOn && !closed && !overloaded;
    return isOpen && this.has('rooms') ? this.options.maxSessions : 0;
  }

  /**
   * Returns in which ways a session can be opened, in their order: claimed by this node at once (true), or waiting for whichever (false). None for a client
   * of its own that this node does not serve.
   */
  waysOf({ kind = 'socket', isConnected = false }: OpenSession): readonly boolean[] {
    if (kind === 'here') return [true];
    if (kind !== 'room') return isConnected && !this.has('sockets') ? [] : [isConnected];
    // Without BullMQ there is nobody else.
    if (!this.isOn) return [true];
    return this.has('rooms') && !this.capacity.isFull ? [true, false] : [false];
  }

  /** True if this node serves sessions of these transports. */
  claims(transports: readonly string[], rooms: RoomTransports | undefined): boolean {
    return this.has('sockets') || transports.every((name) => rooms?.names.includes(name));
  }

  /** True if this node has a role. */
  private has(role: FleetRole): boolean {
    return this.settings.roles.includes(role);
  }

  /** Connects to the queue, if there are rooms to hand over. */
  private async connect(rooms: RoomTransports | undefined): Promise<void> {
    if (!rooms || rooms.names.length === 0) return;
    try {
      this.queue = await RoomQueue.create(this.settings);
    } catch (error) {
      const { message } = textOfThrown(error);
      if (!this.has('rooms') || this.settings.onNodeLoss === 'restart') {
        const problem = `roles without 'rooms', and onNodeLoss: 'restart', cannot be had with ${rooms.names.join(', ')}`;
        throw new InvalidOptionsError('redisFleet', [`${problem}: ${message}`]);
      }
      this.logger.warn(`bots of rooms run only on the node that answers /start: ${message}`);
    }
  }

  /**
   * Joins the fleet, and begins to take rooms of other nodes.
   * @throws {InvalidOptionsError} when BullMQ is not installed, and options need it
   */
  async join(
    rooms: RoomTransports | undefined,
    join: () => Promise<RedisFleetNode>,
  ): Promise<RedisFleetNode> {
    await this.connect(rooms);
    try {
      this.node = await join();
    } catch (error) {
      await this.close();
      throw error;
    }
    if (rooms && this.queue && this.has('rooms')) void this.work(this.queue, rooms);
    if (rooms && this.restarts) {
      const { stopGraceMs } = this.options;
      this.watch = new LeaseWatch(this.node, this.owned, rooms, this.settings, stopGraceMs);
    }
    return this.node;
  }

  /** Takes no more rooms; those of this node are still handed to others. */
  rest(): void {
    this.stopped.abort();
    void this.queue?.rest();
  }

  /** Takes no more rooms, and closes its connections. Never rejects. */
  async close(): Promise<void> {
    this.rest();
    this.watch?.stop();
    await this.queue?.close();
  }

  /** Called with a session that this node sets up. */
  opened(session: Session): void {
    this.setUp.add(session);
  }

  /**
   * Called when the bot of a session is to be launched.
   * @returns `undefined` when it is launched here; else resolves when any node can run it, and rejects when none can
   */
  launching(session: Session, room: SessionRoom): Promise<void> | undefined {
    if (!this.setUp.has(session)) return undefined;
    if (!this.owned.has(session.id)) return this.handOver(session, room);
    void this.record(session, room);
    return undefined;
  }

  /** Returns the room of a session for its record; `undefined` for one that cannot leave this process. */
  private recordOf(room: SessionRoom): RecordedRoom | undefined {
    try {
      return this.withTerms(textOfRoom(room));
    } catch {
      return undefined;
    }
  }

  private withTerms(text: string): RecordedRoom {
    return { text, restarts: this.restarts };
  }

  private get restarts(): boolean {
    return this.isOn && this.settings.onNodeLoss === 'restart';
  }

  /** Writes down the room of a session that this node runs, for when it dies. Never rejects: without it the room is left as it is then. */
  private async record(session: Session, room: SessionRoom): Promise<void> {
    const record = this.recordOf(room);
    if (!record) return;
    this.own(session, record);
    try {
      await this.node?.recordRoom(session.id, record);
    } catch (error) {
      session.logger.warn(`other nodes do not know its room: ${textOfThrown(error).message}`);
    }
  }

  /** Hands a session to a node that runs bots of rooms. Rejects when none can have it. */
  private async handOver({ id }: Session, room: SessionRoom): Promise<void> {
    const record = this.recordOf(room);
    if (!record || !this.node) {
      const what = record ? 'this process is no node' : 'its bot’s arguments are of this process';
      throw new RunnerError(
        'WRONG_STATE',
        `Session ${id} cannot be handed to another node: ${what}.`,
      );
    }
    if (!(await this.node.recordRoom(id, record))) {
      throw new RunnerError('WRONG_STATE', `Session ${id} has ended.`);
    }
    this.hand([id]);
  }

  /** Adds the jobs of sessions. One that is not added now is so within two heartbeats, while its session waits. */
  hand(ids: readonly string[]): void {
    for (const id of ids) void this.add(id);
  }

  private async add(id: string): Promise<void> {
    try {
      await this.queue?.add(id);
    } catch (error) {
      this.logger.warn(`session ${id} waits for its bot: ${textOfThrown(error).message}`);
    }
  }

  /** Keeps the room of a session that this node has claimed. */
  keep(session: Session, room: string): void {
    this.claimed.set(session, room);
    this.own(session, this.withTerms(room));
  }

  /** Keeps the room of a session of this node. One that another node may have restarted is not ended here. */
  private own(session: Session, room: RecordedRoom): void {
    this.owned.setRoom(session.id, room);
    if (!room.restarts) return;
    this.running.add(session.id);
    void session.ended.then(() => this.running.delete(session.id));
    let confirmed: Promise<void> | undefined;
    session.cleanups.confirm = () => (confirmed ??= this.confirm(session));
  }

  private async confirm(session: Session): Promise<void> {
    if (isLeft(session) && (await this.handOn(session))) return this.owned.taken(session.id);
    const epoch = this.owned.conclude(session);
    const end = endOf(session, epoch);
    if (epoch === undefined || !end || !this.node) return;
    // Before it is told, since it could be launched again until then.
    const outcome = (await this.node.endFirst(end)) ?? 'ended';
    session.isDiscarded ||= outcome !== 'ended';
  }

  /** Tells the end of sessions that were left to the others, and that a Redis which was emptied does not know any more. Rejects when it does not answer. */
  async lookAfterLeft(): Promise<void> {
    const left = [...this.left].slice(0, MAX_BATCH);
    if (left.length === 0 || !this.node) return;
    const words = await this.node.follow(left.map(([id]) => id));
    for (const [at, [id, { atMs, record }]] of left.entries()) {
      // This node hands it on, or ends it, with one of its next heartbeats.
      if (words[at] === 'here') continue;
      this.left.delete(id);
      // An end would be remembered.
      const isForgotten = words[at] === 'gone' && performance.now() - atMs < REMEMBER_END_MS;
      if (isForgotten) this.owned.swept(id, 'lost', record);
    }
  }

  /** Leaves a session whose bot was stopped, since this node drains or was out of touch, to the others. Never rejects. @returns false when none of them can have it */
  private async handOn(session: Session): Promise<boolean> {
    const { id, logger } = session;
    const epoch = this.owned.epochOf(id);
    if (epoch === undefined || !this.node) return false;
    try {
      if (!(await this.node.handOn(id, epoch))) return false;
      await this.add(id);
      logger.log('its bot was stopped here, and is launched again where there is a place');
      return true;
    } catch (error) {
      logger.warn(`not handed on: ${textOfThrown(error).message}`);
      // They launch it when the lease is over, unless they never heard of it.
      if (!this.owned.restartable(this.node.leaseBeganAtMs).includes(session)) return false;
      this.left.set(id, { atMs: performance.now(), record: this.owned.recordOf(session) });
      return true;
    }
  }

  private async work(queue: RoomQueue, rooms: RoomTransports): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      try {
        if (!this.hasPlace) await pause(FULL_MS, signal);
        else {
          const job = await queue.next();
          this.fetched();
          if (job) await this.take(job, rooms);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.notFetched(error);
        await pause(AWAY_MS, signal);
      }
    }
  }

  private fetched(): void {
    if (this.unfetched?.isTold) this.logger.log('rooms are taken again');
    this.unfetched = undefined;
  }

  /** Warns of a failure that lasts, once. */
  private notFetched(error: unknown): void {
    const { message } = textOfThrown(error);
    this.logger.debug(`no rooms are taken: ${message}`);
    this.unfetched ??= { sinceMs: performance.now(), isTold: false };
    const forMs = performance.now() - this.unfetched.sinceMs;
    if (this.unfetched.isTold || forMs < FETCH_WARN_MS) return;
    this.unfetched.isTold = true;
    this.logger.warn(`no rooms are taken for ${Math.round(forMs / 1_000)} s: ${message}`);
  }

  private get hasPlace(): boolean {
    return !this.capacity.takesNone && this.node?.isDegraded === false;
  }

  private async take(job: RoomJob, rooms: RoomTransports): Promise<void> {
    // Its former bot here has to leave first.
    if (!this.hasPlace || this.running.has(job.id)) return job.giveBack();
    let session: Session | undefined;
    try {
      session = await this.host.claim(job.id, rooms.names);
    } catch {
      // Full meanwhile, draining, or without Redis.
      return job.giveBack();
    }
    if (session) this.launch(session, rooms);
    await job.done();
  }

  private launch(session: Session, rooms: RoomTransports): void {
    try {
      rooms.launch(session, roomOf(this.claimed.get(session) ?? ''));
    } catch (cause) {
      logThrown(session.logger, 'it cannot run here, its room is not known:', cause);
      void session.end(new SessionEnd('start_failed', 'Its room is not known here.', { cause }));
    }
  }
}

/** True for a session whose bot another node may launch again. */
const isLeft = ({ ending, isStopped }: Session): boolean =>
  !isStopped && (ending?.code === 'draining' || ending?.code === 'lost');

const pause = (ms: number, signal: AbortSignal): Promise<unknown> =>
  sleep(ms, undefined, { ref: false, signal }).catch(() => undefined);
