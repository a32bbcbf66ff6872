import { randomUUID } from 'node:crypto';
import { MAX_TIMER_MS } from '../validation/options.js';
import type { FunctionCallResult } from './dto/function-call-result.dto.js';
import type { RtviOutgoing } from './rtvi-messages.js';

/** Default time-out of a call, in milliseconds. */
const DEFAULT_TIMEOUT_MS = 30_000;
/** Limit of pending calls. They time out, or end with the connection, within one turn of the event loop. */
const MAX_PENDING = 100;

/** Options of `RtviSession.callFunction`. */
export interface CallFunctionOptions {
  /** Longest wait for the result, in milliseconds. @default 30_000 */
  readonly timeoutMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

/** Error of `RtviSession.callFunction`. */
export class FunctionCallError extends Error {
  override readonly name = 'FunctionCallError';

  /**
   * @param code `timeout`: no result in time; `ended`: the connection ended first; `not_sent`: the transport carries no messages, or too many calls
   * are pending
   */
  constructor(
    readonly code: 'timeout' | 'ended' | 'not_sent',
    message: string,
  ) {
    super(message);
  }
}

type Result = FunctionCallResult['result'];
type CallMessage = 'llm-function-call-started' | 'llm-function-call' | 'llm-function-call-stopped';

interface PendingCall {
  succeed(result: Result): void;
  fail(error: Error): void;
}

/** Calls of functions that the client runs. */
export class FunctionCalls {
  /** Pending calls, by their id. */
  private readonly pending = new Map<string, PendingCall>();

  /**
   * @param send sends a message; false when it cannot be sent
   * @param ended aborts when the connection ends
   */
  constructor(
    private readonly send: <T extends CallMessage>(type: T, data: RtviOutgoing[T]) => boolean,
    private readonly ended: AbortSignal,
  ) {
    ended.addEventListener('abort', () => {
      for (const call of this.pending.values()) call.fail(endedError());
    });
  }

  async call(
    name: string,
    args: Readonly<Record<string, unknown>>,
    { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: CallFunctionOptions,
  ): Promise<Result> {
    if (typeof name !== 'string') throw new TypeError('the name of a function must be a string');
    if (!(timeoutMs > 0 && timeoutMs <= MAX_TIMER_MS)) {
      throw new RangeError(`timeoutMs must be a number from 1 to ${MAX_TIMER_MS}`);
    }
    signal?.throwIfAborted();
    if (this.ended.aborted) throw endedError();
    if (this.pending.size >= MAX_PENDING) throw notSent(`${MAX_PENDING} calls are pending`);
    const id = randomUUID();
    this.send('llm-function-call-started', { function_name: name });
    if (!this.send('llm-function-call', { function_name: name, tool_call_id: id, args })) {
      throw notSent('the transport did not take the message');
    }
    return new Promise<Result>((resolve, reject) => {
      const finish = (outcome: { readonly cancelled: boolean; readonly result?: Result }): void => {
        this.pending.delete(id);
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        this.send('llm-function-call-stopped', {
          tool_call_id: id,
          function_name: name,
          ...outcome,
        });
      };
      const fail = (error: Error): void => {
        finish({ cancelled: true });
        reject(error);
      };
      const abort = (): void => fail(signal!.reason as Error);
      const timer = setTimeout(() => fail(timedOut(name)), timeoutMs);
      signal?.addEventListener('abort', abort);
      const succeed = (result: Result): void => {
        finish({ cancelled: false, result });
        resolve(result);
      };
      this.pending.set(id, { succeed, fail });
    });
  }

  /** Settles the call of a result. Others are ignored: the call may have timed out. */
  settle({ tool_call_id, result }: FunctionCallResult): void {
    this.pending.get(tool_call_id)?.succeed(result);
  }
}

const timedOut = (name: string): FunctionCallError =>
  new FunctionCallError('timeout', `The client did not answer ${name} in time.`);
const endedError = (): FunctionCallError =>
  new FunctionCallError('ended', 'The connection ended before the client answered.');
const notSent = (why: string): FunctionCallError =>
  new FunctionCallError('not_sent', `The function was not called: ${why}.`);
