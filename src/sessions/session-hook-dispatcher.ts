import { textOfThrown } from '../errors/thrown.js';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { SessionEnd } from '../bot/session-end.js';
import { within } from '../errors/attempt.js';
import { type RefusalCode, refusalCodeOf } from '../errors/runner.error.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { NoSessionHooks, type SessionRecord, SessionHooks } from './session-hooks.js';
import type { RefusedStart, SessionObserver } from './session-observers.js';
import { SessionRegistry } from './session-registry.js';
import type { Session } from './session.js';

/** Concurrency limit of the host's hooks; others are queued. */
const MAX_RUNNING = 64;
/** Largest queue, for a slow database of the host. Further calls are dropped and logged. */
const MAX_WAITING = 10_000;

/** Refusals of unauthenticated clients. */
const OF_STRANGERS = new Set(['UNAUTHORIZED', 'FORBIDDEN']);

interface HookCall {
  /** Subject of the record, for the log. */
  readonly subject: string;
  readonly run: () => void | Promise<void>;
}

/** Calls the host's {@link SessionHooks} in the order of events, without blocking sessions. */
@Injectable()
export class SessionHookDispatcher implements SessionObserver {
  private readonly logger = new Logger('PipecatRunner');
  private readonly waiting: HookCall[] = [];
  private running = 0;
  private idle: (() => void)[] = [];

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly hooks: SessionHooks,
    sessions: SessionRegistry,
  ) {
    if (!(hooks instanceof NoSessionHooks)) sessions.observers.add(this);
  }

  changed(session: Session): void {
    if (session.state.name !== 'ended') return;
    const record = recordOf(session);
    this.call({ subject: `session ${session.id}`, run: () => this.hooks.ended(record) });
  }

  refused(error: unknown, { transport, principal, call, session }: RefusedStart): void {
    const code = refusalCodeOf(error);
    // The record of the session has the code.
    if (session || OF_STRANGERS.has(code)) return;
    const message =
      code === 'UNEXPECTED' ? 'The runner failed unexpectedly.' : textOfThrown(error).message;
    const record = { transport, principal, call, refusedAt: new Date(), code, message };
    this.call({
      subject: `a start that was refused (${code})`,
      run: () => this.hooks.refused?.(record),
    });
  }

  /** Resolves when all calls are done, or after `sessionHookTimeoutMs`. */
  async flush(): Promise<void> {
    if (this.running === 0) return;
    const done = new Promise<void>((resolve) => this.idle.push(resolve));
    try {
      await within(this.options.sessionHookTimeoutMs, done, () => new Error());
    } catch {
      const left = this.running + this.waiting.length;
      this.logger.error(`sessionHooks did not finish in time; ${left} record(s) may be lost`);
    }
  }

  private call(hookCall: HookCall): void {
    if (this.running < MAX_RUNNING) void this.run(hookCall);
    else if (this.waiting.length < MAX_WAITING) this.waiting.push(hookCall);
    else this.logger.error(`sessionHooks are too slow; the record of ${hookCall.subject} is lost`);
  }

  private async run(first: HookCall): Promise<void> {
    this.running++;
    for (let next: HookCall | undefined = first; next; next = this.waiting.shift()) {
      await this.finish(next);
    }
    this.running--;
    if (this.running > 0) return;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private async finish({ subject, run }: HookCall): Promise<void> {
    const { sessionHookTimeoutMs } = this.options;
    const tooLong = (): Error => new Error(`no result within ${sessionHookTimeoutMs} ms`);
    try {
      // In a microtask, after the code that ended the session.
      await within(sessionHookTimeoutMs, Promise.resolve().then(run), tooLong);
    } catch (error) {
      this.logger.error(`sessionHooks failed for ${subject}: ${textOfThrown(error).text}`);
    }
  }
}

function recordOf(session: Session): SessionRecord {
  const { id, transport, bot, principal, call, createdAtMs, state } = session;
  if (state.name !== 'ended') throw new TypeError(`session ${id} has not ended`);
  const { connectedAtMs, readyAtMs, atMs, reason } = state;
  return {
    sessionId: id,
    transport,
    bot,
    principal,
    call,
    createdAt: new Date(createdAtMs),
    connectedAt: dateOf(connectedAtMs),
    readyAt: dateOf(readyAtMs),
    endedAt: new Date(atMs),
    durationMs: connectedAtMs === undefined ? 0 : atMs - connectedAtMs,
    code: reason.code,
    message: reason.message,
    refusal: refusalOf(reason),
  };
}

/** Returns the error code of a failed start or refused call. */
const refusalOf = ({ code, cause }: SessionEnd): RefusalCode | undefined =>
  code === 'start_failed' || (code === 'stopped' && cause !== undefined)
    ? refusalCodeOf(cause)
    : undefined;

const dateOf = (ms: number | undefined): Date | undefined =>
  ms === undefined ? undefined : new Date(ms);
