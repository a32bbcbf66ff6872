import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { OwnPrincipal, type Principal, reaches } from '../auth/runner-auth.js';
import { BotLauncher, MissingBotLauncher } from '../bot/bot-launcher.js';
import type { CallData } from '../bot/call-data.js';
import { FileStorage, NoFileStorage } from '../bot/file-storage.js';
import { setLiveField } from '../bot/wire-classes.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import { SessionEnd } from '../bot/session-end.js';
import { RunnerError } from '../errors/runner.error.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import {
  Capacity,
  draining,
  StartQueue,
  type WaitingClient,
  PendingSessions,
} from './admission.js';
import { bindContext, type HandOver } from './session-context.js';
import {
  SessionHistory,
  type MaybePromise,
  type OpenSession,
  SessionRegistry,
} from './session-registry.js';
import { SessionObservers } from './session-observers.js';
import type { SessionCall } from './session-state.js';
import { Session } from './session.js';

/** Session registry of a single instance, in memory. Admission is one synchronous step, so two starts never share the last slot. */
@Injectable()
export class LocalSessionRegistry extends SessionRegistry {
  readonly observers = new SessionObservers();
  readonly history: SessionHistory;
  private readonly pending: PendingSessions;
  private readonly active = new Map<string, Session>();
  /** Ended sessions that are still releasing rooms, sockets and timers. */
  private readonly releasing = new Set<Promise<unknown>>();
  private readonly capacity: Capacity;
  private readonly queue: StartQueue<Session>;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly launcher: BotLauncher,
    private readonly files: FileStorage = new NoFileStorage(),
  ) {
    super();
    this.pending = new PendingSessions(options.pendingTtlMs, (expired) => {
      // One error for all of them, since creating errors is expensive.
      const reason = nobodyCame();
      for (const session of expired) void session.end(reason);
    });
    this.capacity = new Capacity(options.maxSessions);
    this.queue = new StartQueue(options);
    this.history = new SessionHistory(options.sessionHistory);
  }

  get size(): number {
    return this.pending.size + this.active.size;
  }

  get live(): Session[] {
    return [...this.pending.values(), ...this.active.values()];
  }

  get isDraining(): boolean {
    return this.capacity.closed;
  }

  get isOverloaded(): boolean {
    return this.capacity.overloaded;
  }

  get isFull(): boolean {
    return this.capacity.isFull;
  }

  get queued(): number {
    return this.queue.length;
  }

  get(id: string): Session | undefined {
    return this.pending.get(id) ?? this.active.get(id);
  }

  require(id: string, principal?: Principal): Session {
    const session = this.get(id);
    if (session && reaches(principal ?? { reachesAll: true }, session.principal)) return session;
    if (this.capacity.closed) throw draining();
    throw new RunnerError('UNKNOWN_SESSION', 'There is no such session, or it has ended.');
  }

  refusal(principal?: Principal): RunnerError | undefined {
    return this.capacity.refusal(principal);
  }

  open(request: OpenSession): Session {
    const session = this.tryOpen(request);
    if (session instanceof Session) return session;
    throw this.observers.refused(session, request);
  }

  adopt(
    session: Session,
    { body, principal, bot, maxDurationMs }: Omit<OpenSession, 'transport'>,
  ): void {
    const { name, launchedAtMs } = session.state;
    if (name === 'ended' || launchedAtMs !== undefined) {
      throw new RunnerError('WRONG_STATE', `Session ${session.id} is ${name}.`);
    }
    if (principal) {
      const own = OwnPrincipal.of(principal);
      const refusal = this.capacity.shareRefusal(own);
      if (refusal) throw refusal;
      this.capacity.takeShare(own);
      this.capacity.freeShare(session.principal);
      session.principal = own;
    }
    if (body !== undefined) session.body = body;
    Object.assign(session, { bot, maxDurationMs });
  }

  async start<T>(
    request: OpenSession,
    setUp: (session: Session) => MaybePromise<T>,
    client?: WaitingClient,
  ): Promise<T> {
    let session: Session | undefined;
    try {
      MissingBotLauncher.refuse(this.launcher);
      const opened = this.tryOpen(request);
      session = opened instanceof Session ? opened : await this.wait(opened, request, client);
      return await setUp(session);
    } catch (error) {
      throw session
        ? this.refuse(session, error, 'The transport could not set it up.')
        : this.observers.refused(error, request);
    }
  }

  claim(id: string, transports: readonly string[]): Session | undefined {
    if (this.capacity.closed) throw draining();
    const session = this.pending.get(id);
    if (!session || !transports.includes(session.transport)) return undefined;
    session.connect();
    return session;
  }

  launch(session: Session, args: RunnerArguments, handOver?: HandOver): void {
    session.launch(() => {
      args.session_id = session.id;
      if (session.body !== undefined) args.body = session.body;
      if (args.call_data) session.call = knownCall(args.call_data, session.call);
      if (this.options.cliArgs) args.cli_args ??= this.options.cliArgs;
      if (!(this.files instanceof NoFileStorage)) setLiveField(args, 'file_storage', this.files);
      bindContext(args, session.context, handOver);
      return this.observers.around(session, () => this.launcher.launch(args, session));
    }, this.options);
  }

  async end(id: string, reason: SessionEnd): Promise<SessionEnd> {
    return this.require(id).end(reason);
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
    this.capacity.overloaded = overloaded;
    this.serveQueue();
  }

  close(): Session[] {
    this.capacity.closed = true;
    this.queue.dismiss(draining);
    for (const session of this.pending.values()) void session.end(shutDown());
    return [...this.active.values()];
  }

  async drain(): Promise<void> {
    await Promise.all(this.close().map((session) => session.end(shutDown())));
    await Promise.all(this.releasing);
    await this.observers.flush();
  }

  private async wait(
    refusal: RunnerError,
    request: OpenSession,
    client: WaitingClient | undefined,
  ): Promise<Session> {
    if (refusal.code !== 'AT_CAPACITY' || !client || !this.queue.hasRoom) throw refusal;
    const tryTake = (): Session | undefined => {
      const opened = this.tryOpen(request);
      return opened instanceof Session ? opened : undefined;
    };
    return this.queue.wait(tryTake, refusal, client);
  }

  private tryOpen(request: OpenSession): Session | RunnerError {
    const { connectTimeoutMs, isConnected } = request;
    const principal = request.principal && OwnPrincipal.of(request.principal);
    const refusal = this.capacity.refusal(principal);
    if (refusal) return refusal;
    const session = new Session(request.id ?? randomUUID(), request, this.onChange);
    session.principal = principal;
    this.capacity.take(principal);
    this.pending.add(session);
    this.observers.changed(session);
    if (isConnected) session.connect();
    else if (connectTimeoutMs !== undefined) {
      const expire = (): void => {
        if (session.state.name === 'pending') void session.end(nobodyCame());
      };
      session.after(connectTimeoutMs, expire)?.unref();
    }
    return session;
  }

  private readonly onChange = (session: Session): void => {
    const { id, state } = session;
    if (state.name === 'launching') {
      this.pending.delete(id);
      this.active.set(id, session);
    }
    if (state.name !== 'ended') return this.observers.changed(session);
    this.active.delete(id);
    this.pending.delete(id);
    if (state.launchedAtMs !== undefined) session.logger.log(lastLineOf(session, state.reason));
    if (!session.isDiscarded) {
      this.observers.changed(session);
      this.history.add(session);
    }
    const { ended } = session;
    this.releasing.add(ended);
    void ended.then(() => this.releasing.delete(ended));
    this.capacity.free(session.principal);
    this.serveQueue();
  };

  private serveQueue(): void {
    this.queue.advance(() => !this.capacity.overloaded && !this.capacity.isFull);
  }
}

const nobodyCame = (): SessionEnd => new SessionEnd('expired', 'Nobody connected in time.');

const shutDown = (): SessionEnd => new SessionEnd('draining', 'The runner is shutting down.');

/** Merges the call data of the connection over what was known before. */
const knownCall = ({ from, to, call_id }: CallData, before?: SessionCall): SessionCall => ({
  direction: before?.direction ?? 'inbound',
  from: before?.from ?? from,
  to: before?.to ?? to,
  callId: call_id ?? before?.callId,
});

function lastLineOf({ context }: Session, { code }: SessionEnd): string {
  const { ok, via } = context.hangUpOutcome ?? {};
  if (ok === undefined) return `ended: ${code}`;
  const how = ok ? `hung up through its ${via}` : `the hang-up through its ${via} failed`;
  return `ended: ${code}; ${how}`;
}
