import type { RunnerError } from '../errors/runner.error.js';

/** The limits of the queue, in time and length. */
export interface StartQueueOptions {
  /** The longest wait, in milliseconds; 0 for no queue at all. */
  readonly startQueueMs: number;
  /** The most starts that wait at once. */
  readonly maxQueuedStarts: number;
}

/** The connection of one who waits, such as a socket; when it closes, nobody does any more. */
export interface WaitingClient {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

/** One without a connection, who waits until a signal aborts. */
export const waitsUntil = (signal: AbortSignal | undefined): WaitingClient => ({
  destroyed: signal?.aborted ?? false,
  once: (_event, listener) => signal?.addEventListener('abort', listener, { once: true }),
  off: (_event, listener) => signal?.removeEventListener('abort', listener),
});

interface Waiting<T> {
  /** Takes a place; `undefined` when there is none for this one. */
  readonly tryTake: () => T | undefined;
  readonly settle: (outcome: { readonly taken: T } | { readonly refused: RunnerError }) => void;
}

/** Those who wait for a place, first come, first served; who is held up only by a limit of their own holds up nobody else. */
export class StartQueue<T> {
  private readonly waiting = new Set<Waiting<T>>();

  constructor(private readonly options: StartQueueOptions) {}

  /** The number of starts that wait. */
  get length(): number {
    return this.waiting.size;
  }

  /** True if one more may wait. */
  get hasRoom(): boolean {
    return this.options.startQueueMs > 0 && this.waiting.size < this.options.maxQueuedStarts;
  }

  /**
   * Waits for a place.
   * @param tryTake takes it, in the very step in which it became free
   * @param refusal what it rejects with when the time is up, or the client is gone
   */
  wait(tryTake: () => T | undefined, refusal: RunnerError, client: WaitingClient): Promise<T> {
    if (client.destroyed) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const give = (): void => one.settle({ refused: refusal });
      const timer = setTimeout(give, this.options.startQueueMs);
      client.once('close', give);
      const one: Waiting<T> = {
        tryTake,
        settle: (outcome) => {
          this.waiting.delete(one);
          clearTimeout(timer);
          client.off('close', give);
          if ('taken' in outcome) resolve(outcome.taken);
          else reject(outcome.refused);
        },
      };
      this.waiting.add(one);
    });
  }

  /** Serves all that can be served. @param hasPlace whether there is a place for anyone */
  advance(hasPlace: () => boolean): void {
    for (const one of this.waiting) {
      if (!hasPlace()) return;
      const taken = one.tryTake();
      if (taken !== undefined) one.settle({ taken });
    }
  }

  /** Refuses all that wait. @param refusal makes the error of each */
  dismiss(refusal: () => RunnerError): void {
    for (const one of this.waiting) one.settle({ refused: refusal() });
  }
}
