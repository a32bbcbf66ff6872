import { randomUUID } from 'node:crypto';
import type { OwnPrincipal, Principal } from '../auth/runner-auth.js';
import type { SessionEnd } from '../bot/session-end.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { RunnerError } from '../errors/runner.error.js';
import { isInstance } from '../errors/thrown.js';
import type { ResolvedRunnerOptions } from '../runner.options.js';
import { Capacity, FullError, PendingSessions } from '../sessions/admission.js';
import {
  type ListedSession,
  type OpenSession,
  SessionHistory,
} from '../sessions/session-registry.js';
import type { Session } from '../sessions/session.js';
import { versionOrUnknown } from '../packages.js';
import {
  type AbandonedSession,
  abandonedOf,
  Fleet,
  type FleetHost,
  type SessionRoom,
} from './fleet.js';
import { FleetAnswers } from './fleet-answers.js';
import { eachOnce } from './fleet-list.js';
import { FleetSecrets } from './fleet-secrets.js';
import type { FleetGauges, FleetObserver } from './fleet-observer.js';
import type { FleetStatus } from './fleet-status.js';
import { FollowedSessions } from './followed-sessions.js';
import { errorOf, JoinedNode } from './joined-node.js';
import { LoneSessions } from './lone-sessions.js';
import { callerOf, OwnedSessions } from './owned-sessions.js';
import { RedisFleetNode } from './redis-fleet-node.js';
import { RedisPeers } from './redis-peers.js';
import {
  checkAttached,
  type RedisFleetOptions,
  resolveFleetSettings,
  type ResolvedFleetSettings,
  secretsOf,
} from './redis-fleet.options.js';
import { DirectoryUnavailableError } from './redis-link.js';
import {
  ageOf,
  justConnected,
  noSockets,
  unavailable,
  unreadable,
  unusable,
} from './fleet-refusals.js';
import { Repeated } from './repeated.js';
import { RoomDispatch } from './room-dispatch.js';
import type { Claim } from './session-directory.js';
import { abandonCall, claimAs, dataOf, endOf, termsOf } from './session-record.js';

/** Interval in which a start queue is served while other nodes may free places, in milliseconds, with as much again of jitter. */
const QUEUE_MS = 500;

/** A fleet of many nodes over Redis: a waiting session lives in its directory only, and moves to the node where its client comes. */
export class RedisFleet extends Fleet {
  capacity!: Capacity;
  waiting!: PendingSessions;
  history!: SessionHistory;
  override readonly tokenKeys: readonly [Buffer, ...Buffer[]];
  override readonly peers: RedisPeers;
  private readonly logger = new RunnerLogger('PipecatFleet');
  private readonly settings: ResolvedFleetSettings;
  private readonly answers: FleetAnswers;
  private host: FleetHost | undefined;
  private owned!: OwnedSessions;
  private followed!: FollowedSessions;
  private readonly node = new JoinedNode();
  private lone!: LoneSessions;
  private dispatching!: RoomDispatch;
  private options!: ResolvedRunnerOptions;
  private repeated: Repeated[] = [];
  private isFull = false;

  /** @throws {InvalidOptionsError} */
  constructor(settings: Partial<RedisFleetOptions>) {
    super();
    this.settings = resolveFleetSettings(settings);
    const { tokenKeys, hopKeys } = new FleetSecrets(secretsOf(this.settings));
    this.tokenKeys = tokenKeys;
    this.answers = new FleetAnswers(() => this.node.get().answers, this.refuses);
    this.peers = new RedisPeers(hopKeys, {
      ...{ refuses: this.refuses, takesSockets: this.settings.roles.includes('sockets') },
      url: this.settings.advertiseUrl,
      observer: () => this.observer,
      ...{ node: () => this.node.current, owned: () => this.owned },
      capacity: () => this.capacity,
    });
  }

  attach(options: ResolvedRunnerOptions, host: FleetHost): void {
    checkAttached(options, this.host !== undefined);
    this.host = host;
    this.options = options;
    this.capacity = new Capacity(options.maxSessions);
    this.history = new SessionHistory(options.sessionHistory);
    this.waiting = new PendingSessions(options.pendingTtlMs, (expired) =>
      this.owned.expire(expired),
    );
    const hand = (ids: readonly string[]): void => this.dispatching.hand(ids);
    const held = [this.waiting, options.pendingTtlMs] as const;
    this.owned = new OwnedSessions(this.capacity, host, ...held, () => this.rooms, hand);
    this.lone = new LoneSessions(this.owned, this.capacity, this.history, this.settings, options);
    this.dispatching = new RoomDispatch(this.settings, this.owned, this.capacity, options, host);
    this.followed = new FollowedSessions(this.waiting, this.owned, (ids) =>
      this.node.get().follow(ids),
    );
  }

  override async join(): Promise<void> {
    const { maxSessions } = this.options;
    const { owned: own, dispatching } = this;
    const observer = (): FleetObserver | undefined => this.observer;
    const places = (): number => dispatching.places;
    const handsRooms = (): boolean => dispatching.isOn;
    const joining = { maxSessions, version: versionOrUnknown(), own, places, handsRooms, observer };
    const join = (): Promise<RedisFleetNode> => RedisFleetNode.join(this.settings, joining);
    this.node.current = await dispatching.join(this.rooms, join);
    await this.node.learn();
    this.repeated = [
      new Repeated(this.settings.heartbeatMs, () => this.followed.look()),
      new Repeated(this.settings.heartbeatMs, () => this.node.learn()),
      new Repeated(this.settings.heartbeatMs, () => dispatching.lookAfterLeft()),
      new Repeated(QUEUE_MS, () => this.serveQueue()),
    ];
  }

  override refusalOfOthers(): RunnerError | undefined {
    const problem = this.node.current?.problem;
    return problem === undefined ? undefined : unusable(problem);
  }

  override async leave(): Promise<void> {
    for (const work of this.repeated) work.stop();
    this.followed.stop();
    await this.dispatching.close();
    const { current } = this.node;
    this.node.current = undefined;
    await current?.leave();
  }

  get hasPlace(): boolean {
    return !this.isFull;
  }

  /** Places are the whole fleet's, and known only by asking for one. */
  refusal(): RunnerError | undefined {
    return this.capacity.closedRefusal();
  }

  async open(request: OpenSession, principal?: OwnPrincipal): Promise<string | RunnerError> {
    const refusal = this.refusal();
    if (refusal) return refusal;
    const { transport, kind = 'socket', connectTimeoutMs = Infinity } = request;
    const { pendingTtlMs } = this.options;
    const ways = this.dispatching.waysOf(request);
    if (ways.length === 0) return noSockets();
    const isHere = ways[0] === true;
    const id = request.id ?? randomUUID();
    const alone = (): string | RunnerError => this.lone.open(request, isHere, principal);
    const node = this.node.reachable;
    if (!node) return alone();
    const session = {
      ...{ id, transport, kind, caller: callerOf({ principal }) },
      data: dataOf({ ...request, principal, traceparent: this.host?.traceparent }),
      ttlMs: Math.ceil(Math.min(pendingTtlMs, connectTimeoutMs)),
    };
    try {
      const epoch = await node.openIn(ways, session);
      if (epoch > 0) this.owned.add(id, epoch, kind);
      return id;
    } catch (error) {
      if (isInstance(error, DirectoryUnavailableError)) return alone();
      if (!isInstance(error, RunnerError)) throw error;
      this.isFull ||= isInstance(error, FullError);
      return error;
    }
  }

  opened(session: Session, request: OpenSession): void {
    this.waiting.add(session);
    this.owned.opened(session, request);
    this.owned.bind(session);
    this.lone.opened(session, request);
    if (request.kind === 'room') this.dispatching.opened(session);
  }

  async claim(
    id: string,
    transports: readonly string[],
    principal: Principal = { reachesAll: true },
  ): Promise<Session | undefined> {
    if (!this.dispatching.claims(transports, this.rooms)) throw noSockets();
    const lone = this.lone.claim(id, transports, principal, !this.node.reachable);
    if (lone) return lone.session;
    const claim = await this.node.reached((node) => this.claimAt(node, id, transports, principal));
    if (claim.outcome === 'node_full') throw new FullError(this.options.maxSessions, 'runner');
    if (claim.outcome === 'unreadable') {
      this.logger.warn(
        `session ${id} cannot be read here: it is of another version, or sealed under another secret`,
      );
      throw unreadable();
    }
    if (claim.outcome !== 'claimed') return undefined;
    const { epoch, transport, data, kind, openedAtMs, room, handedForMs } = claim;
    const session =
      this.waiting.get(id) ?? this.host!.restore(id, termsOf(transport, data), ageOf(openedAtMs));
    this.owned.add(id, epoch, kind, session);
    if (room !== undefined) this.dispatching.keep(session, room);
    if (handedForMs !== undefined) this.observer?.dispatched(handedForMs);
    return session;
  }

  /** Claims a session; one that was opened here, and that the directory has lost, after that is told of it again. */
  private async claimAt(
    node: RedisFleetNode,
    ...asked: [id: string, transports: readonly string[], principal: Principal]
  ): Promise<Claim> {
    const claim = await claimAs(node, ...asked);
    const session = claim.outcome === 'missing' ? this.waiting.get(asked[0]) : undefined;
    const lost = session && this.owned.announced(session);
    if (!lost) return claim;
    await node.announce(lost);
    return claimAs(node, ...asked);
  }

  override dispatch(session: Session, room: SessionRoom): Promise<void> | undefined {
    return this.dispatching.launching(session, room);
  }

  own(session: Session): Promise<void> | undefined {
    if (!this.owned.has(session.id)) return this.claimForLaunch(session);
    this.owned.settle(session.id);
    return undefined;
  }

  async adopt(session: Session, principal: OwnPrincipal): Promise<void> {
    const caller = callerOf({ principal });
    if (!caller) return;
    try {
      await this.node.get().adopt(session.id, caller);
    } catch (error) {
      if (!isInstance(error, DirectoryUnavailableError) || this.refuses) throw errorOf(error);
    }
  }

  override async stopWaiting(id: string, end: SessionEnd): Promise<SessionEnd | undefined> {
    if (this.owned.has(id)) return undefined;
    const record = await this.node.reached((node) => node.endWaiting(id, end.code));
    if (record === 'claimed') throw justConnected();
    return record && this.owned.over(id, this.waiting.get(id) ?? record, end);
  }

  async abandon(id: string, callId: string): Promise<AbandonedSession> {
    const ended = this.history.get(id);
    if (ended) return abandonedOf(ended, callId);
    return this.node.reached((node) => abandonCall(node, id, callId));
  }

  override alias({ id }: Session, name: string): Promise<void> {
    return this.peers.alias(id, name);
  }

  override hasElsewhere(name: string): Promise<boolean> {
    return this.peers.haveAny(name);
  }

  override note(session: Session): void {
    if (session.state.name === 'running') this.node.current?.notes.add(session);
  }

  end(session: Session): void {
    if (!session.isDiscarded) this.history.add(session);
    const epoch = this.owned.delete(session.id);
    const end = endOf(session, epoch);
    if (!end) return;
    if (this.owned.isOver(session)) return this.serveQueue();
    // A copy that was given up.
    if (epoch === undefined && session.isDiscarded) return;
    this.node.current?.end(end, () => this.serveQueue());
  }

  async list(live: readonly Session[]): Promise<ListedSession[]> {
    const own = live.filter(({ id }) => this.owned.has(id));
    const others = await this.node.lookUp((node) => node.sessions.all());
    return eachOnce(own, this.history.all, others ?? live);
  }

  async find(id: string, live: Session | undefined): Promise<ListedSession | undefined> {
    const own = this.owned.has(id) ? live : this.history.get(id);
    if (own) return own;
    const found = await this.node.lookUp(async (node) => [await node.sessions.find(id)]);
    if (!found && !live) throw unavailable();
    return found?.[0] ?? live;
  }

  override gauges(): FleetGauges | undefined {
    return this.node.current?.gauges();
  }

  override status(): Promise<FleetStatus> {
    return this.node.reached((node) => node.status());
  }

  once<T>(key: string, answer: () => Promise<T>): Promise<T> {
    return this.answers.once(key, answer);
  }

  get held(): number {
    return this.owned.size;
  }

  async retire(): Promise<boolean> {
    if (!(await this.node.reached((node) => node.takeTurn()))) return false;
    this.close();
    return true;
  }

  close(): Session[] {
    this.capacity.closed = true;
    this.dispatching.rest();
    this.node.drain();
    return [...this.waiting.values()].filter(({ id }) => this.owned.has(id));
  }

  private get refuses(): boolean {
    return this.settings.whenRedisIsDown === 'refuse';
  }

  private async claimForLaunch(session: Session): Promise<void> {
    const { id, transport } = session;
    const claim = await this.node.reached((node) => node.claimForLaunch(id, transport));
    if (claim.outcome !== 'claimed') {
      throw new RunnerError('WRONG_STATE', `Session ${id} cannot be launched: ${claim.outcome}.`);
    }
    const { epoch, kind } = claim;
    if (session.state.name !== 'ended') {
      this.owned.add(id, epoch, kind, session);
    } else {
      this.node.current?.end({ id, code: session.state.reason.code, epoch });
    }
  }

  private serveQueue(): void {
    this.isFull = false;
    if (this.host && this.host.queued > 0) this.host.serveQueue();
  }
}
