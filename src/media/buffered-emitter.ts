import { EventEmitter } from 'node:events';
import { Inbox } from './inbox.js';

/** How much of an event is kept for those who have not listened or read yet. */
export interface BufferLimit<T> {
  readonly limit: number;
  /** How much of the limit one takes. */
  readonly sizeOf: (value: T) => number;
  /** Whether it is kept whenever nobody listens, and not only before somebody does for the first time. */
  readonly lasting?: boolean;
}

/** Events with at most one argument each. */
type OneArgument<Events> = { [E in keyof Events]: [] | [unknown] };

/**
 * An emitter that keeps what happens before anyone listens, for those who do then, however few each of them takes; and whose events can
 * also be iterated over.
 */
export abstract class BufferedEmitter<
  Events extends OneArgument<Events>,
> extends EventEmitter<Events> {
  private readonly kept = new Map<keyof Events, Inbox<[] | [unknown]>>();
  private readonly iterations = new Set<{ end(): void }>();

  constructor(private readonly limits: { [E in keyof Events]: BufferLimit<Events[E][0]> }) {
    super({ captureRejections: true });
    for (const event of Object.keys(limits) as (keyof Events)[]) this.keep(event);
    (this as EventEmitter).on('newListener', (event: keyof Events) => {
      // Not at once: `newListener` comes before the listener is in place.
      if (this.kept.has(event)) process.nextTick(() => this.deliver(event));
    });
  }

  /** @internal A listener threw, or rejected. */
  protected abstract fail(error: unknown): void;

  /** So much was dropped because nobody listened or read. */
  protected abstract dropped(count: number): void;

  /** EventEmitter's: a listener's promise rejected. */
  [Symbol.for('nodejs.rejection')](error: unknown): void {
    this.fail(error);
  }

  /** Emits, now or when somebody listens. */
  protected notify<E extends keyof Events>(event: E, ...args: Events[E]): void {
    let kept = this.kept.get(event);
    if (!kept && this.limits[event].lasting && !this.hasListeners(event)) kept = this.keep(event);
    if (kept) this.put(kept, args);
    else this.emitNow(event, args);
  }

  /** What an event tells from now on, with what was kept of it, until `signal` aborts or {@link endIterations}. */
  protected iterate<E extends keyof Events>(
    event: E,
    signal: AbortSignal | undefined,
  ): Inbox<Events[E][0]> {
    const { limit, sizeOf } = this.limits[event];
    const push = (value: Events[E][0]): void => this.put(inbox, value);
    const end = (): void => inbox.end();
    const inbox = new Inbox<Events[E][0]>(limit, sizeOf, (left) => {
      (this as EventEmitter).off(event as string, push);
      signal?.removeEventListener('abort', end);
      this.iterations.delete(inbox);
      // Whoever else listens has had them.
      if (this.hasListeners(event)) return;
      for (const value of left) this.notify(event, ...([value] as Events[E]));
    });
    this.iterations.add(inbox);
    (this as EventEmitter).on(event as string, push);
    if (signal?.aborted) end();
    else signal?.addEventListener('abort', end);
    return inbox;
  }

  /** There will be no more. What was told is still read. */
  protected endIterations(): void {
    const all = [...this.iterations];
    // After what was kept is delivered.
    process.nextTick(() => {
      for (const iteration of all) iteration.end();
    });
  }

  private keep(event: keyof Events): Inbox<[] | [unknown]> {
    const { limit, sizeOf } = this.limits[event];
    const kept = new Inbox<[] | [unknown]>(limit, ([value]) => sizeOf(value));
    this.kept.set(event, kept);
    return kept;
  }

  /** Emits what was kept for as long as somebody listens. */
  private deliver<E extends keyof Events>(event: E): void {
    const kept = this.kept.get(event);
    while (kept && this.hasListeners(event)) {
      const oldest = kept.take();
      if (!oldest) {
        this.kept.delete(event);
        return;
      }
      this.emitNow(event, oldest.value as Events[E]);
    }
  }

  private emitNow<E extends keyof Events>(event: E, args: Events[E]): void {
    try {
      (this as EventEmitter).emit(event as string, ...args);
    } catch (error) {
      this.fail(error);
    }
  }

  private hasListeners(event: keyof Events): boolean {
    return (this as EventEmitter).listenerCount(event as string) > 0;
  }

  private put<T>(inbox: Inbox<T>, value: T): void {
    const dropped = inbox.push(value);
    if (dropped > 0) this.dropped(dropped);
  }
}
