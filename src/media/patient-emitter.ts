import { EventEmitter } from 'node:events';
import { Inbox } from './inbox.js';

/** How much of an event is kept for those who have not listened or read yet. */
export interface Room<T> {
  readonly limit: number;
  /** How much of the limit one takes. */
  readonly sizeOf: (value: T) => number;
}

/** Events with at most one argument each. */
type OneArgument<Events> = { [E in keyof Events]: [] | [unknown] };

/**
 * An emitter that keeps what happens before anyone listens, for the first who does; and whose events can also be iterated over.
 */
export abstract class PatientEmitter<
  Events extends OneArgument<Events>,
> extends EventEmitter<Events> {
  private readonly kept = new Map<keyof Events, Inbox<[] | [unknown]>>();
  private readonly iterations = new Set<{ end(): void }>();

  constructor(private readonly rooms: { [E in keyof Events]: Room<Events[E][0]> }) {
    super({ captureRejections: true });
    for (const event of Object.keys(rooms) as (keyof Events)[]) {
      const { limit, sizeOf } = rooms[event];
      this.kept.set(event, new Inbox(limit, ([value]) => sizeOf(value)));
    }
    (this as EventEmitter).on('newListener', (event: keyof Events) => {
      // Not at once: `newListener` comes before the listener is in place.
      if (this.kept.has(event)) process.nextTick(() => this.deliver(event));
    });
  }

  /** A listener threw, or rejected. */
  protected abstract fail(error: unknown): void;

  /** So much was dropped because nobody listened or read. */
  protected abstract dropped(count: number): void;

  /** EventEmitter's: a listener's promise rejected. */
  [Symbol.for('nodejs.rejection')](error: unknown): void {
    this.fail(error);
  }

  /** Emits, now or when somebody listens. */
  protected tell<E extends keyof Events>(event: E, ...args: Events[E]): void {
    const kept = this.kept.get(event);
    if (kept) {
      this.put(kept, args);
      return;
    }
    try {
      (this as EventEmitter).emit(event as string, ...args);
    } catch (error) {
      this.fail(error);
    }
  }

  /** What an event tells from now on, with what was kept of it, until `signal` aborts or {@link endIterations}. */
  protected iterate<E extends keyof Events>(
    event: E,
    signal: AbortSignal | undefined,
  ): Inbox<Events[E][0]> {
    const { limit, sizeOf } = this.rooms[event];
    const push = (value: Events[E][0]): void => this.put(inbox, value);
    const end = (): void => inbox.end();
    const inbox = new Inbox<Events[E][0]>(limit, sizeOf, () => {
      (this as EventEmitter).off(event as string, push);
      signal?.removeEventListener('abort', end);
      this.iterations.delete(inbox);
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

  private deliver<E extends keyof Events>(event: E): void {
    const kept = this.kept.get(event);
    this.kept.delete(event);
    for (const args of kept?.drain() ?? []) this.tell(event, ...(args as Events[E]));
  }

  private put<T>(inbox: Inbox<T>, value: T): void {
    const dropped = inbox.push(value);
    if (dropped > 0) this.dropped(dropped);
  }
}
