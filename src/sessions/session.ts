import type { Principal } from '../auth/runner-auth.js';
import { BotSession, type SessionRequestHandler } from '../bot/bot-session.js';
import { SessionEnd, type SessionEndCode } from '../bot/session-end.js';
import { guardListeners } from '../errors/guard-listeners.js';
import { type RunnerLog, RunnerLogger } from '../errors/runner-logger.js';
import type { RefusalCode } from '../errors/runner.error.js';
import { textOfThrown } from '../errors/thrown.js';

/** The phone call that a session is, as far as it is known. */
export interface SessionCall {
  /** `inbound`: somebody called the application; `outbound`: the application called somebody. */
  readonly direction: 'inbound' | 'outbound';
  /** The caller's number. */
  readonly from?: string;
  /** The number that was dialled. */
  readonly to?: string;
  /** The carrier's id of the call. */
  readonly callId?: string;
}

/** `pending` waits for its caller; `launching` has a caller or a starting bot; `running` is up; `ended` is final. */
export type SessionState =
  | { readonly name: 'pending' }
  | { readonly name: 'launching'; readonly sinceMs: number }
  | { readonly name: 'running'; readonly sinceMs: number }
  | { readonly name: 'ended'; readonly atMs: number; readonly reason: SessionEnd };

const PENDING: SessionState = { name: 'pending' };
const NO_CLAIMS: Readonly<Record<string, unknown>> = Object.freeze({});

/** Frees something the session held. It is told why the session ended, and runs exactly once. */
export type Cleanup = (reason: SessionEnd) => void | Promise<void>;

/**
 * One conversation, from its announcement to its end. The {@link SessionRegistry} alone moves it from state to state;
 * everything else reads it, or hangs resources on it with {@link Session.onEnd}.
 */
export class Session extends BotSession {
  readonly createdAtMs = Date.now();
  state: SessionState = PENDING;
  /** Set once an end was asked for, while the bot may still be winding down. */
  endRequested: SessionEnd | undefined;
  /** When `launch()` was called; from then on an end has to wait for it. */
  launchedAtMs: number | undefined;
  /** The time at which its client connected, or its bot was launched without one. */
  connectedAtMs: number | undefined;
  /** The phone call it is; `undefined` for clients and rooms. */
  call: SessionCall | undefined;
  override bot?: string;
  /** The longest it may last from its launch, in milliseconds, where that is less than `maxSessionDurationMs`. */
  maxDurationMs: number | undefined;
  /** The code of the error for which its start, or its call, came to nothing. */
  refusal: RefusalCode | undefined;
  /** What answers requests to `/sessions/<id>/…`. */
  requestHandler: SessionRequestHandler | undefined;
  private readyAtMs: number | undefined;
  /** @internal Whether the bot hangs up: then the peer leaves because of it. */
  hangingUp = false;
  /** @internal A transfer that is under way: whether it came about, which tells why the peer leaves. Never rejects. */
  transferring: Promise<boolean> | undefined;
  private transferred = false;

  // Created on first use: most pending sessions never need them, and each costs more than the session itself.
  private controller: AbortController | undefined;
  private log: RunnerLog | undefined;
  private endedLatch: PromiseWithResolvers<SessionEnd> | undefined;
  private cleanups: Cleanup[] | undefined;
  private released = false;
  private onReady: (() => void) | undefined;

  constructor(
    readonly id: string,
    /** Wire name of the transport; a caller that connected unannounced is renamed once it is known. */
    public transport: string,
    /** What `/start` (or the URL) passed for the bot; `undefined` when nothing was. */
    public body: unknown,
    /** Who started it, where that is known; of a call that a `CallRouter` takes, whose it is. */
    public principal?: Principal,
  ) {
    super();
  }

  /** Whether `launch()` was called. */
  get botRuns(): boolean {
    return this.launchedAtMs !== undefined;
  }

  /** The time at which the bot was ready. */
  get readySinceMs(): number | undefined {
    return this.readyAtMs;
  }

  /** Whether the bot ever said it was up. */
  get wasReady(): boolean {
    return this.readyAtMs !== undefined;
  }

  /** From the bot's launch to its `ready()`, in milliseconds. */
  get botStartMs(): number | undefined {
    return this.readyAtMs === undefined ? undefined : this.readyAtMs - this.launchedAtMs!;
  }

  get claims(): Readonly<Record<string, unknown>> {
    return this.principal?.claims ?? NO_CLAIMS;
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      guardListeners(this.controller.signal, (thrown) => this.fail(thrown));
      const reason = this.endRequested ?? (this.state.name === 'ended' ? this.state.reason : null);
      if (reason) this.controller.abort(reason);
    }
    return this.controller.signal;
  }

  get logger(): RunnerLog {
    return (this.log ??= new RunnerLogger(`Session ${this.id}`));
  }

  /** Resolves with the reason once the session has ended and everything it held is released. Never rejects. */
  get ended(): Promise<SessionEnd> {
    if (this.released && this.state.name === 'ended') return Promise.resolve(this.state.reason);
    this.endedLatch ??= withResolvers<SessionEnd>();
    return this.endedLatch.promise;
  }

  ready(): void {
    if (this.state.name !== 'launching' || this.endRequested) return;
    this.readyAtMs = Date.now();
    this.state = { name: 'running', sinceMs: this.readyAtMs };
    this.onReady?.();
    this.onReady = undefined;
  }

  onRequest(handler: SessionRequestHandler): void {
    this.requestHandler = handler;
  }

  /** Runs `callback` once, when the bot says it is ready. */
  whenReady(callback: () => void): void {
    if (this.state.name === 'running') callback();
    else this.onReady = callback;
  }

  /** Has `release` run when the session ends, last held first; at once when it has ended already. */
  onEnd(release: Cleanup): void {
    if (this.state.name === 'ended') void runCleanup(this, release, this.state.reason);
    else (this.cleanups ??= []).push(release);
  }

  /** @internal Ends the conversation from within: its media are over, or the bot failed beside its `launch()`. */
  stop(code: SessionEndCode, message: string, options?: ErrorOptions): void {
    this.onStop?.(new SessionEnd(code, message, options));
  }

  /** @internal Notes that the call is being transferred. */
  async whileTransferring(outcome: Promise<{ readonly ok: boolean }>): Promise<void> {
    this.transferring = outcome.then(({ ok }) => {
      this.transferring = undefined;
      return (this.transferred ||= ok);
    });
    await this.transferring;
  }

  /** @internal Something of the bot's threw or rejected beside its `launch()`, such as a listener: the conversation ends as `failed`. */
  fail(thrown: unknown): void {
    const { text, stack } = textOfThrown(thrown);
    this.logger.error(`a listener of the bot threw: ${text}`, stack);
    this.stop('failed', 'A listener of the bot threw.', { cause: thrown });
  }

  /** @internal How an end is to be told: who is hung up on leaves, and whoever is transferred; both is the bot's doing. */
  trueEnd(end: SessionEnd): SessionEnd {
    if (this.transferred && (end.code === 'peer_left' || end.code === 'completed')) {
      return new SessionEnd('completed', 'The call was transferred.');
    }
    return this.hangingUp && end.code === 'peer_left'
      ? new SessionEnd('completed', 'The bot hung up.')
      : end;
  }

  /** @internal The registry's: is told of every {@link stop}. */
  onStop: ((end: SessionEnd) => void) | undefined;

  /** @internal The registry's: asks the bot to stop. */
  requestEnd(reason: SessionEnd): void {
    this.endRequested ??= reason;
    this.controller?.abort(this.endRequested);
  }

  /**
   * @internal The registry's: the last transition. Releases everything held, then resolves {@link ended}.
   * @returns when everything is released; `undefined` where nothing was held
   */
  finish(reason: SessionEnd): Promise<void> | undefined {
    this.requestEnd(reason);
    this.state = { name: 'ended', atMs: Date.now(), reason };
    this.onReady = undefined;
    this.requestHandler = undefined;
    const { cleanups: releases } = this;
    this.cleanups = undefined;
    const done = (): void => {
      this.released = true;
      this.endedLatch?.resolve(reason);
    };
    if (!releases) {
      done();
      return undefined;
    }
    return Promise.all(releases.reverse().map((release) => runCleanup(this, release, reason))).then(
      done,
    );
  }
}

async function runCleanup(session: Session, release: Cleanup, reason: SessionEnd): Promise<void> {
  try {
    await release(reason);
  } catch (thrown) {
    session.logger.warn(`releasing a resource failed: ${textOfThrown(thrown).text}`);
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

/** `Promise.withResolvers` is not in Node 20. */
function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((r) => (resolve = r));
  return { promise, resolve };
}
