import { attempt, guardListeners } from '../../errors/attempt.js';
import { textOfThrown } from '../../errors/thrown.js';
import { printable } from '../../validation/printable.js';
import type { LiveFunctionCall, LiveFunctionResponse } from './live-module.js';

/** Limit of calls that run at once. */
const MAX_CALLS = 100;

/** Runs a function that the model calls. @param signal aborts when the result is not wanted any more */
export type RunFunction = (call: LiveFunctionCall, signal: AbortSignal) => unknown;

interface RunningCall {
  readonly id: string | undefined;
  readonly controller: AbortController;
}

/** Calls of functions by the model, over one connection. */
export class LiveCalls {
  private readonly running = new Set<RunningCall>();

  constructor(
    private readonly runFunction: RunFunction | undefined,
    private readonly warn: (text: string, kind: string) => void,
    private readonly onSettled: () => void,
  ) {}

  get isRunning(): boolean {
    return this.running.size > 0;
  }

  /** Runs a call, and tells its result unless it was cancelled. Never rejects. */
  async run(
    call: LiveFunctionCall,
    respond: (response: LiveFunctionResponse) => void,
  ): Promise<void> {
    const { id, name } = call;
    const shown = printable(`${name}()`);
    const controller = new AbortController();
    const { signal } = controller;
    guardListeners(signal, (thrown) =>
      this.warn(
        `a listener of the signal of ${shown} threw: ${textOfThrown(thrown).text}`,
        'signal',
      ),
    );
    const one = { id, controller };
    this.running.add(one);
    const tell = (response: Record<string, unknown>): void => {
      if (!signal.aborted) respond({ id, name, response });
    };
    try {
      if (!this.runFunction) throw new Error('This bot has no functions.');
      if (this.running.size > MAX_CALLS) throw new Error('Too many calls at once.');
      tell({ output: await this.runFunction(call, signal) });
    } catch (thrown) {
      // A result that is no JSON is told as an error, too.
      const { message, text } = textOfThrown(thrown);
      attempt(
        () => tell({ error: message }),
        () => this.warn(`the result of ${shown} was not sent: ${text}`, 'result'),
      );
    } finally {
      this.running.delete(one);
      this.onSettled();
    }
  }

  /** Cancels the calls with these ids: their results are not told. @param ids `undefined` for all calls */
  cancel(ids?: readonly string[]): void {
    for (const one of this.running) {
      if (ids && !(one.id !== undefined && ids.includes(one.id))) continue;
      this.running.delete(one);
      one.controller.abort();
    }
  }
}
