import { EventEmitter } from 'node:events';
import { enterBot, leaveBot, type LoopUser } from '../limits/event-loop.js';
import { AsyncQueue } from './async-queue.js';

/** Buffer limit of an event: how much is buffered until a listener is attached or an iterator reads. */
export interface BufferLimit<T> {
  readonly limit: number;
  /** Share of the limit that one value takes. */
  readonly sizeOf: (value: T) => number;
  /** Buffers whenever there is no listener, not only before the first one. */
  readonly lasting?: boolean;
}

/** Events with at most one argument each. */
type OneArgument<Events> = { [E in keyof Events]: [] | [unknown] };

/** Event emitter that buffers events until a listener is attached, and whose events can also be read with async iterators. */
export abstract class BufferedEmitter<
  Events extends OneArgument<Events>,
> extends EventEmitter<Events> {
  private readonly buffers = new Map<keyof Events, AsyncQueue<[] | [unknown]>>();
  private readonly iterations = new Set<{ end(): void }>();
  private iterationsEnd = false;

  /** @param bot the session whose bot listens */
  constructor(
    private readonly limits: { [E in keyof Events]: BufferLimit<Events[E][0]> },
    /** @internal */
    protected readonly bot?: LoopUser,
  ) {
    super({ captureRejections: true });
    for (const event of Object.keys(limits) as (keyof Events)[]) this.openBuffer(event);
    (this as EventEmitter).on('newListener', (event: keyof Events) => {
      // `newListener` is emitted before the listener is attached.
      if (this.buffers.has(event)) process.nextTick(() => this.deliver(event));
    });
  }

  /** @internal Handles an error that a listener threw or rejected with. */
  protected abstract fail(error: unknown): void;

  /** Reports values dropped because the buffer limit was reached. */
  protected abstract dropped(count: number): void;

  /** EventEmitter's hook for a rejected promise of a listener. */
  [Symbol.for('nodejs.rejection')](error: unknown): void {
    this.fail(error);
  }

  /** Emits now, or buffers until a listener is attached. */
  protected notify<E extends keyof Events>(event: E, ...args: Events[E]): void {
    let buffer = this.buffers.get(event);
    if (!buffer && this.limits[event].lasting && !this.hasListeners(event))
      buffer = this.openBuffer(event);
    if (buffer) this.put(buffer, args);
    else this.emitNow(event, args);
  }

  /** Returns an iterator over the buffered and future values of an event, until `signal` aborts or {@link endIterations}. */
  protected iterate<E extends keyof Events>(
    event: E,
    signal: AbortSignal | undefined,
  ): AsyncQueue<Events[E][0]> {
    const { limit, sizeOf } = this.limits[event];
    const push = (value: Events[E][0]): void => this.put(queue, value);
    const end = (): void => queue.end();
    const queue = new AsyncQueue<Events[E][0]>(limit, sizeOf, (left) => {
      (this as EventEmitter).off(event as string, push);
      signal?.removeEventListener('abort', end);
      this.iterations.delete(queue);
      // Other listeners have received these values already.
      if (this.hasListeners(event)) return;
      for (const value of left) this.notify(event, ...([value] as Events[E]));
    });
    this.iterations.add(queue);
    (this as EventEmitter).on(event as string, push);
    if (this.iterationsEnd) this.endIterations();
    if (signal?.aborted) end();
    else signal?.addEventListener('abort', end);
    return queue;
  }

  /** Ends all iterators, now and later, once they have read what is buffered. */
  protected endIterations(): void {
    this.iterationsEnd = true;
    const all = [...this.iterations];
    // Buffered values are delivered first.
    process.nextTick(() => {
      for (const iteration of all) iteration.end();
    });
  }

  private openBuffer(event: keyof Events): AsyncQueue<[] | [unknown]> {
    const { limit, sizeOf } = this.limits[event];
    const buffer = new AsyncQueue<[] | [unknown]>(limit, ([value]) => sizeOf(value));
    this.buffers.set(event, buffer);
    return buffer;
  }

  /** Emits the buffered values while there is a listener. */
  private deliver<E extends keyof Events>(event: E): void {
    const buffer = this.buffers.get(event);
    while (buffer && this.hasListeners(event)) {
      const oldest = buffer.take();
      if (!oldest) {
        this.buffers.delete(event);
        return;
      }
      this.emitNow(event, oldest.value as Events[E]);
    }
  }

  private emitNow<E extends keyof Events>(event: E, args: Events[E]): void {
    const entered = enterBot(this.bot);
    try {
      (this as EventEmitter).emit(event as string, ...args);
    } catch (error) {
      this.fail(error);
    } finally {
      leaveBot(entered);
    }
  }

  private hasListeners(event: keyof Events): boolean {
    return (this as EventEmitter).listenerCount(event as string) > 0;
  }

  private put<T>(queue: AsyncQueue<T>, value: T): void {
    const dropped = queue.push(value);
    if (dropped > 0) this.dropped(dropped);
  }
}

/** Smallest size of a value, in bytes. */
const MIN_BYTES = 16;
/** Overhead of an array or object beside its members, and of a key beside its characters, in bytes. */
const CONTAINER_BYTES = 64;
const KEY_BYTES = 32;

/**
 * Estimates the memory of a value parsed from JSON, in bytes. Iterative, because the client decides the nesting depth.
 * @param maxBytes where the estimate stops: a value that is not from JSON may contain itself
 */
export function estimateBytes(json: unknown, maxBytes: number): number {
  const rest = [json];
  let bytes = MIN_BYTES;
  while (rest.length > 0 && bytes <= maxBytes) {
    const value = rest.pop();
    if (typeof value === 'string') bytes += MIN_BYTES + value.length;
    else if (typeof value === 'object' && value !== null) {
      bytes += CONTAINER_BYTES;
      if (Array.isArray(value)) {
        bytes += value.length * MIN_BYTES;
        if (bytes > maxBytes) break;
        for (const member of value) rest.push(member);
      } else {
        for (const [key, member] of Object.entries(value)) {
          bytes += MIN_BYTES + KEY_BYTES + key.length;
          rest.push(member);
        }
      }
    }
  }
  return bytes;
}

/** Limit of unread messages, in estimated bytes. */
const MAX_UNREAD_BYTES = 1_000_000;

/** Buffer limit of unread messages: about 1,000 small ones. */
export const MESSAGE_BUFFER: BufferLimit<unknown> = {
  limit: MAX_UNREAD_BYTES,
  sizeOf: (message) => 1_000 + estimateBytes(message, MAX_UNREAD_BYTES),
};
