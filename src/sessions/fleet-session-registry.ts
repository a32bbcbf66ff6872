import { AsyncResource } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { OwnPrincipal, type Principal, reaches } from '../auth/runner-auth.js';
import { BotLauncher, MissingBotLauncher } from '../bot/bot-launcher.js';
import { FileStorage, NoFileStorage } from '../bot/file-storage.js';
import { setLiveField } from '../bot/wire-classes.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import { SessionEnd } from '../bot/session-end.js';
import { RunnerError } from '../errors/runner.error.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { checkedFleet, Fleet, type FleetHost } from '../fleet/fleet.js';
import { draining, StartQueue, type WaitingClient } from './admission.js';
import { bindContext, type HandOver } from './session-context.js';
import {
  andThen,
  type MaybePromise,
  type OpenSession,
  type SessionHistory,
  SessionRegistry,
} from './session-registry.js';
import { SessionObservers } from './session-observers.js';
import { knownCall, type SessionTerms } from './session-state.js';
import { Session } from './session.js';

/** Interval in which a node that retires looks for its last session, in milliseconds. */
const IDLE_CHECK_MS = 250;

/** Session registry of a node: its sessions, and the verbs that need them. Its {@link Fleet} admits them, and gives each to one node. */
@Injectable()
export class FleetSessionRegistry extends SessionRegistry implements FleetHost {
  readonly observers = new SessionObservers();
  private readonly active = new Map<string, Session>();
  /** Ended sessions that are still releasing rooms, sockets and timers. */
  private readonly releasing = new Set<Promise<unknown>>();
  /** Sessions on their way to another node. */
  private readonly handing = new WeakMap<Session, Promise<void>>();
  private readonly queue: StartQueue<Session>;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly launcher: BotLauncher,
    private readonly files: FileStorage = new NoFileStorage(),
    protected readonly fleet: Fleet,
  ) {
    super();
    checkedFleet(fleet).attach(options, this);
    this.queue = new StartQueue(options, (session) => void session.end(clientLeft()));
  }

  get history(): SessionHistory {
    return this.fleet.history;
  }

  get size(): number {
    return this.fleet.waiting.size + this.active.size;
  }

  get live(): Session[] {
    return [...this.fleet.waiting.values(), ...this.active.values()];
  }

  get isDraining(): boolean {
    const { closed, retiring } = this.fleet.capacity;
    return closed || retiring;
  }

  get isOverloaded(): boolean {
    return this.fleet.capacity.overloaded;
  }

  get isFull(): boolean {
    return this.fleet.capacity.isFull;
  }

  get queued(): number {
    return this.queue.length;
  }

  get traceparent(): string | undefined {
    return this.observers.traceparent;
  }

  get(id: string): Session | undefined {
    return this.fleet.waiting.get(id) ?? this.active.get(id);
  }

  isLive(id: string): MaybePromise<boolean> {
    if (this.get(id) !== undefined || !this.fleet.peers) return this.get(id) !== undefined;
    return andThen(this.fleet.peers.locate(id), (where) => where !== 'unknown');
  }

  require(id: string, principal?: Principal): Session {
    const session = this.get(id);
    if (session && reaches(principal ?? { reachesAll: true }, session.principal)) return session;
    if (this.fleet.capacity.closed) throw draining();
    throw new RunnerError('UNKNOWN_SESSION', 'There is no such session, or it has ended.');
  }

  refusal(principal?: Principal): RunnerError | undefined {
    return this.fleet.refusal(principal);
  }

  open(request: OpenSession): MaybePromise<Session> {
    return andThen(this.tryOpen(request), (session) => {
      if (session instanceof Session) return session;
      throw this.observers.refused(session, request);
    });
  }

  adopt(
    session: Session,
    { body, principal, bot, maxDurationMs }: Omit<OpenSession, 'transport'>,
  ): MaybePromise<void> {
    const { name, launchedAtMs } = session.state;
    if (name === 'ended' || launchedAtMs !== undefined) {
      throw new RunnerError('WRONG_STATE', `Session ${session.id} is ${name}.`);
    }
    const own = principal && OwnPrincipal.of(principal);
    return andThen(own && this.fleet.adopt(session, own), () => {
      if (own) session.principal = own;
      if (body !== undefined) session.body = body;
      Object.assign(session, { bot, maxDurationMs });
    });
  }

  async start<T>(
    request: OpenSession,
    setUp: (session: Session) => MaybePromise<T>,
    client?: WaitingClient,
  ): Promise<T> {
    let session: Session | undefined;
    try {
      MissingBotLauncher.refuse(this.launcher);
      const opening = this.tryOpen(request);
      const opened = opening instanceof Promise ? await opening : opening;
      session = opened instanceof Session ? opened : await this.wait(opened, request, client);
      const answer = await setUp(session);
      await this.handing.get(session);
      return answer;
    } catch (error) {
      throw session
        ? this.refuse(session, error, 'The transport could not set it up.')
        : this.observers.refused(error, request);
    }
  }

  claim(
    id: string,
    transports: readonly string[],
    principal?: Principal,
  ): MaybePromise<Session | undefined> {
    if (this.fleet.capacity.closed) throw draining();
    return andThen(this.fleet.claim(id, transports, principal), (session) => {
      session?.connect();
      return session;
    });
  }

  launch(session: Session, args: RunnerArguments, handOver?: HandOver): boolean {
    const handing = this.fleet.dispatch(session, { args, user: handOver?.user });
    if (handing) {
      handing.catch(() => undefined);
      this.handing.set(session, handing);
      return false;
    }
    session.launch(() => {
      args.session_id = session.id;
      if (session.body !== undefined) args.body = session.body;
      if (args.call_data) session.call = knownCall(args.call_data, session.call);
      if (this.options.cliArgs) args.cli_args ??= this.options.cliArgs;
      if (!(this.files instanceof NoFileStorage)) setLiveField(args, 'file_storage', this.files);
      bindContext(args, session.context, handOver);
      const launch = (): Promise<void> =>
        this.observers.around(session, () => this.launcher.launch(args, session));
      return this.fleet.own(session)?.then(launch) ?? launch();
    }, this.options);
    return true;
  }

  async end(id: string, reason: SessionEnd): Promise<SessionEnd> {
    return (await this.fleet.stopWaiting(id, reason)) ?? this.require(id).end(reason);
  }

  refuse(
    session: Session,
    cause: unknown,
    message: string,
    code: 'start_failed' | 'stopped' = 'start_failed',
  ): unknown {
    void session.end(new SessionEnd(code, message, { cause }));
    const { transport, principal, call } = session;
    return this.observers.refused(cause, { transport, principal, call, session });
  }

  setOverloaded(overloaded: boolean): void {
    this.fleet.capacity.overloaded = overloaded;
    this.serveQueue();
  }

  close(): Session[] {
    const waiting = this.fleet.close();
    this.queue.dismiss(draining);
    for (const session of waiting) void session.end(shutDown());
    return [...this.active.values()];
  }

  async retire(onBegin?: () => void): Promise<boolean> {
    if (!(await this.fleet.retire())) return false;
    onBegin?.();
    this.queue.dismiss(draining);
    while (this.active.size > 0 || this.fleet.held > 0) await sleep(IDLE_CHECK_MS);
    return true;
  }

  async drain(): Promise<void> {
    await Promise.all(this.close().map((session) => session.end(shutDown())));
    await Promise.all(this.releasing);
    await this.observers.flush();
    await this.fleet.leave();
  }

  private async wait(
    refusal: RunnerError,
    request: OpenSession,
    client: WaitingClient | undefined,
  ): Promise<Session> {
    if (refusal.code !== 'AT_CAPACITY' || !client || !this.queue.hasRoom) throw refusal;
    const tryTake = (): MaybePromise<Session | undefined> =>
      andThen(this.tryOpen(request), (opened) => (opened instanceof Session ? opened : undefined));
    // In the context of its request, whoever makes room for it.
    return this.queue.wait(AsyncResource.bind(tryTake), refusal, client);
  }

  private tryOpen(request: OpenSession): MaybePromise<Session | RunnerError> {
    const principal = request.principal && OwnPrincipal.of(request.principal);
    return andThen(this.fleet.open(request, principal), (id) => {
      if (typeof id !== 'string') return id;
      const session = new Session(id, request, this.onChange);
      session.principal = principal;
      handOver(session, request);
      this.fleet.opened(session, request);
      this.observers.changed(session);
      if (request.isConnected) session.connect();
      return session;
    });
  }

  private readonly onChange = (session: Session): void => {
    const { id, state } = session;
    if (state.name === 'launching') {
      this.fleet.waiting.delete(id);
      this.active.set(id, session);
    }
    if (state.name !== 'ended') {
      this.fleet.note(session);
      return this.observers.changed(session);
    }
    this.active.delete(id);
    this.fleet.waiting.delete(id);
    if (state.launchedAtMs !== undefined) {
      session.logger.log(`ended: ${state.reason.code}${session.context.hangUpClause}`);
    }
    const { confirm } = session.cleanups;
    if (confirm) this.release(confirm().then(() => this.settle(session)));
    else this.settle(session);
  };

  private settle(session: Session): void {
    if (!session.isDiscarded) this.observers.changed(session);
    if (!session.cleanups.isDone) this.release(session.ended);
    this.fleet.end(session);
    this.serveQueue();
  }

  private release(work: Promise<unknown>): void {
    this.releasing.add(work);
    void work.then(() => this.releasing.delete(work));
  }

  restore(id: string, terms: SessionTerms, ageMs: number): Session {
    const session = new Session(id, terms, this.onChange, ageMs);
    session.principal = terms.principal && OwnPrincipal.of(terms.principal);
    handOver(session, terms);
    if (terms.traceparent) session.context.traceparent = terms.traceparent;
    return session;
  }

  serveQueue(): void {
    this.queue.advance(() => !this.fleet.capacity.overloaded && this.fleet.hasPlace);
  }
}

const clientLeft = (): SessionEnd =>
  new SessionEnd('start_failed', 'The client has left the queue.');

const shutDown = (): SessionEnd => new SessionEnd('draining', 'The runner is shutting down.');

const handOver = (session: Session, { credentials }: SessionTerms): unknown =>
  credentials && Object.assign(session.context, { credentials });
