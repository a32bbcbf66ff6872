import { setMaxListeners } from 'node:events';
import type { Principal } from '../auth/runner-auth.js';
import { BotSession, type SessionRequestHandler } from '../bot/bot-launcher.js';
import { botFailed, isEndAtWork, SessionEnd, type SessionEndCode } from '../bot/session-end.js';
import { attempt, guardListeners } from '../errors/attempt.js';
import { hostCodeError } from '../errors/host-code-error.js';
import { logThrown, type RunnerLog, RunnerLogger } from '../errors/runner-logger.js';
import { RunnerError } from '../errors/runner.error.js';
import { callBot } from '../limits/event-loop.js';
import { MAX_TIMER_MS } from '../validation/options.js';
import { draining } from './admission.js';
import { Departure } from './departure.js';
import { SessionCleanups } from './session-cleanups.js';
import { SessionContext } from './session-context.js';
import type {
  Cleanup,
  SessionCall,
  SessionLimits,
  SessionState,
  SessionTerms,
} from './session-state.js';

const PENDING: SessionState = { name: 'pending' };
const NO_CLAIMS: Readonly<Record<string, unknown>> = Object.freeze({});

/**
 * One conversation, with the state machine of its lifecycle:
 *
 * ```text
 *            connect()              launch(), then ready()
 *  pending ────────────▶ launching ────────────────────────▶ running
 *     │                      │                                  │
 *     │ end()                │ end(), or the bot returns        │
 *     └──────────────────────┴────────────────▶ ended ◀─────────┘
 * ```
 *
 * - `pending` waits for its client, `launching` for its bot. A room's bot has no client to wait for: `launch()` connects it.
 * - `end(reason)` is the only way to end it from outside. Before the launch it ends at once. Later the signal aborts with the reason, and it ends
 *   when the bot has returned or after the grace period `stopGraceMs`. The first reason counts.
 * - A bot's audio is played after its return, before the session ends (`playoutTimeoutMs`), unless the session is ended meanwhile.
 * - Cleanups registered with `onEnd()` run at the end, last first; then `ended` resolves.
 */
export class Session extends BotSession {
  readonly createdAtMs: number;
  private readonly createdTicks: number;
  override bot?: string;
  // Terms that may be set late: for a client that connects unannounced, or by a `CallRouter`'s decision.
  transport: string;
  body: unknown;
  principal: Principal | undefined;
  call: SessionCall | undefined;
  maxDurationMs: number | undefined;
  /** @internal True for what turned out to be no session: its end is in no history, and no observer is told. */
  isDiscarded = false;
  /** @internal True once somebody has stopped it, also while it ends for another reason: no other node goes on with it. */
  isStopped = false;
  private current = PENDING;
  private stopGraceMs = Infinity;
  private readonly departure = new Departure();
  /** @internal */
  readonly cleanups = new SessionCleanups(this);
  // Created lazily: most pending sessions never need them, and each costs more than the session itself.
  private handler: SessionRequestHandler | undefined;
  private ownContext: SessionContext | undefined;
  private controller: AbortController | undefined;
  private log: RunnerLog | undefined;
  private onConnected: (() => void) | undefined;
  private readyTimer: NodeJS.Timeout | undefined;

  /**
   * @param onChange called after each transition
   * @param ageMs age of a session that another node has opened, in milliseconds
   */
  constructor(
    readonly id: string,
    { transport, body, principal, bot, call, maxDurationMs }: SessionTerms,
    private readonly onChange: (session: Session) => void,
    ageMs = 0,
  ) {
    super();
    this.createdAtMs = Date.now() - ageMs;
    this.createdTicks = performance.now() - ageMs;
    this.transport = transport;
    this.body = body;
    this.principal = principal;
    this.bot = bot;
    this.call = call;
    this.maxDurationMs = maxDurationMs;
  }

  get state(): SessionState {
    return this.current;
  }

  /** Reason of its end, from the moment it was requested. */
  get ending(): SessionEnd | undefined {
    const { current } = this;
    if (current.name === 'pending') return undefined;
    return current.name === 'ended' ? current.reason : current.ending;
  }

  /** Duration from the bot's launch to its `ready()`, in milliseconds. */
  get botStartMs(): number | undefined {
    const { launchedAtMs, readyAtMs } = this.current;
    return readyAtMs === undefined ? undefined : readyAtMs - launchedAtMs!;
  }

  get claims(): Readonly<Record<string, unknown>> {
    return this.principal?.claims ?? NO_CLAIMS;
  }

  /** Session context of the transport and the observers. */
  get context(): SessionContext {
    return (this.ownContext ??= new SessionContext(this));
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      // Each request and upload of the session listens, and there may be many: Node would warn of a leak.
      setMaxListeners(Infinity, this.controller.signal);
      guardListeners(this.controller.signal, (thrown) => this.fail(thrown));
      if (this.ending) this.controller.abort(this.ending);
    }
    return this.controller.signal;
  }

  get logger(): RunnerLog {
    return (this.log ??= new RunnerLogger(`Session ${this.id}`));
  }

  /** Resolves with the reason when the session has ended and its cleanups are done. Never rejects. */
  get ended(): Promise<SessionEnd> {
    return this.cleanups.done;
  }

  /** Handler of requests to `/sessions/<id>/…`; `undefined` without one. */
  get requestHandler(): SessionRequestHandler | undefined {
    return this.ending ? undefined : this.handler;
  }

  onRequest(handler: SessionRequestHandler): void {
    this.handler = handler;
  }

  /** Calls `callback` when its client has connected, or its bot is launched without one. */
  whenConnected(callback: () => void): void {
    if (this.current.name === 'pending') this.onConnected = callback;
    else if (this.current.connectedAtMs !== undefined) callback();
  }

  /** @internal Age in milliseconds, whatever becomes of the system's clock. */
  get ageMs(): number {
    return Math.round(performance.now() - this.createdTicks);
  }

  /** Time of a transition: durations between them hold when the system's clock is set. */
  private get nowMs(): number {
    return this.createdAtMs + this.ageMs;
  }

  /** Registers a cleanup for the end of the session, last one first; runs it at once after the end. */
  onEnd(cleanup: Cleanup): void {
    this.cleanups.add(cleanup);
  }

  /** @internal Transition `pending` → `launching`: the client has connected. @param isHere false if it was to another node, which reports it */
  connect(isHere = true): void {
    const connectedAtMs = this.nowMs;
    this.current = { name: 'launching', sinceMs: connectedAtMs, connectedAtMs };
    if (isHere) this.onChange(this);
    this.onConnected?.();
    this.onConnected = undefined;
  }

  /** @internal Launches the bot, whose return ends the session. @throws {RunnerError} `WRONG_STATE`, or `DRAINING` */
  launch(bot: () => Promise<void>, limits: SessionLimits): void {
    if (this.current.name === 'pending') this.connect();
    const { current } = this;
    if (current.name !== 'launching' || current.launchedAtMs !== undefined) {
      if (this.ending?.code === 'draining') throw draining();
      throw new RunnerError('WRONG_STATE', `Session ${this.id} is already ${current.name}.`);
    }
    this.current = { ...current, launchedAtMs: this.nowMs };
    const { maxSessionDurationMs, readyTimeoutMs, stopGraceMs } = limits;
    const endAfter = (ms: number, code: SessionEndCode, what: string) =>
      this.after(ms, () => this.end(new SessionEnd(code, `The session ${what} (${ms} ms).`)));
    const maxMs = Math.min(maxSessionDurationMs, this.maxDurationMs ?? Infinity);
    endAfter(maxMs, 'too_long', 'lasted longer than allowed');
    const notReady = 'had no bot that called ready() in time';
    this.readyTimer = endAfter(readyTimeoutMs, 'not_ready', notReady);
    this.stopGraceMs = stopGraceMs;
    attempt(
      () => this.run(bot),
      (thrown) => this.finish(botFailed(thrown)),
    );
  }

  /** Transition `launching` → `running`. */
  ready(): void {
    const { current } = this;
    if (current.name !== 'launching' || current.ending) return;
    clearTimeout(this.readyTimer);
    const readyAtMs = this.nowMs;
    this.current = { ...current, name: 'running', sinceMs: readyAtMs, readyAtMs };
    this.onChange(this);
  }

  /**
   * Ends the session, in any state. Idempotent: the first reason counts. A running bot is stopped through its signal, within the grace period
   * `stopGraceMs`. After the bot hung up or transferred the call, the peer's leave counts as the bot's.
   * @returns {@link ended}
   */
  end(reason: SessionEnd): Promise<SessionEnd> {
    const { current } = this;
    this.isStopped ||= reason.code === 'stopped';
    if (current.name === 'ended' || this.ending) return this.ended;
    const deciding = this.departure.deciding(reason);
    if (deciding) {
      void deciding.then(() => this.end(reason));
    } else if (current.name === 'pending' || current.launchedAtMs === undefined) {
      this.finish(this.departure.explain(reason));
    } else {
      const ending = this.departure.explain(reason);
      this.stopping(ending);
      this.decide(ending);
      this.after(this.stopGraceMs, () => {
        this.logger.warn(`the bot did not return within ${this.stopGraceMs} ms; ending without it`);
        this.finish(ending);
      });
    }
    return this.ended;
  }

  /** @internal Decides the reason of the end for a bot that is about to return, without a grace period. The first reason counts. */
  decide(ending: SessionEnd): void {
    const { current } = this;
    if (current.name === 'pending' || current.name === 'ended' || current.ending) return;
    this.current = { ...current, ending };
    callBot(this, () => this.controller?.abort(ending));
  }

  /** @internal Ends the session as `failed`, for an error outside the bot's `launch()`: of a bot's listener, unless it says where it was thrown. */
  fail(thrown: unknown): void {
    const { what, message, cause } = hostCodeError(thrown, 'a listener of the bot threw');
    logThrown(this.logger, `${what}:`, cause);
    void this.end(new SessionEnd('failed', message, { cause }));
  }

  /** @internal Records that the bot hangs up, closes or has returned, which explains that the peer leaves. */
  leaves(reason: SessionEnd): void {
    this.departure.leaves(reason);
  }

  /** @internal Records a transfer, whose outcome explains that the peer leaves. */
  whileTransferring(outcome: Promise<{ readonly ok: boolean }>): Promise<void> {
    return this.departure.whileTransferring(outcome);
  }

  /** Called before a running bot is stopped. */
  protected stopping(_reason: SessionEnd): void {}

  private async run(bot: () => Promise<void>): Promise<void> {
    let reason: SessionEnd;
    try {
      await callBot(this, bot);
      const returned = new SessionEnd('completed', 'The bot returned.');
      await this.playOut(returned);
      reason = this.ending ?? returned;
    } catch (thrown) {
      reason = this.ending ?? botFailed(thrown);
      if (!isEndAtWork(thrown, reason)) logThrown(this.logger, 'the bot threw:', thrown);
    }
    this.finish(reason);
  }

  /** Plays the audio of a bot that has returned, unless the session has to end. */
  private async playOut(returned: SessionEnd): Promise<void> {
    const playing = this.ending ? undefined : this.ownContext?.playOut?.();
    if (!playing) return;
    clearTimeout(this.readyTimer);
    this.handler = undefined;
    this.leaves(returned);
    await playing;
  }

  /** Transition from any state to `ended`. */
  private finish(reason: SessionEnd): void {
    const { current } = this;
    if (current.name === 'ended') return;
    const { connectedAtMs, launchedAtMs, readyAtMs } = current;
    const times = { connectedAtMs, launchedAtMs, readyAtMs };
    this.current = { name: 'ended', atMs: this.nowMs, reason, ...times };
    this.handler = this.onConnected = undefined;
    callBot(this, () => this.controller?.abort(reason));
    this.cleanups.run(reason);
    this.onChange(this);
  }

  /** @internal Calls `callback` after a delay, unless the session has ended by then. */
  after(afterMs: number, callback: () => unknown): NodeJS.Timeout | undefined {
    // A timer's maximum is 24 days.
    if (afterMs > MAX_TIMER_MS) return undefined;
    const timer = setTimeout(() => void callback(), afterMs);
    this.onEnd(() => clearTimeout(timer));
    return timer;
  }
}
