import { Queue } from '../limits/queue.js';

/**
 * Values that come when they come, for a reader who asks when it asks. Holds so much of them and no more: the oldest go first.
 */
export class Inbox<T> implements AsyncIterableIterator<T> {
  private readonly values = new Queue<{ readonly value: T; readonly size: number }>();
  private held = 0;
  private waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  private closed = false;

  /**
   * @param limit how much may be held
   * @param sizeOf how much a value counts
   * @param onEnd called once, when the reader stops or there will be no more values, with what the reader leaves
   */
  constructor(
    private readonly limit: number,
    private readonly sizeOf: (value: T) => number,
    private readonly onEnd: (left: T[]) => void = () => undefined,
  ) {}

  /** @returns how many values were dropped to make room */
  push(value: T): number {
    if (this.closed) return 0;
    const reader = this.waiting.shift();
    if (reader) {
      reader({ done: false, value });
      return 0;
    }
    const size = this.sizeOf(value);
    this.values.push({ value, size });
    this.held += size;
    let dropped = 0;
    for (; this.held > this.limit && this.values.length > 1; dropped++) this.take();
    return dropped;
  }

  /** No more values will come; those that are there can still be read. */
  end(): void {
    this.close([]);
  }

  /** Takes out the oldest. */
  take(): { readonly value: T } | undefined {
    const oldest = this.values.shift();
    if (oldest) this.held -= oldest.size;
    return oldest;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const oldest = this.take();
    if (oldest) return Promise.resolve({ done: false, value: oldest.value });
    if (this.closed) return Promise.resolve(DONE);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** The reader stops. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.held = 0;
    this.close(this.values.drain().map(({ value }) => value));
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private close(left: T[]): void {
    if (this.closed) return;
    this.closed = true;
    for (const reader of this.waiting.splice(0)) reader(DONE);
    this.onEnd(left);
  }
}

const DONE = { done: true, value: undefined } as const;
