import { Queue } from '../limits/queue.js';

/** Bounded queue with an async iterator. Drops the oldest values when the limit is reached. */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  private readonly values = new Queue<{ readonly value: T; readonly size: number }>();
  private size = 0;
  private waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  private closed = false;

  /**
   * @param limit the largest total size
   * @param sizeOf the size of a value
   * @param onEnd called once when the reader or the source ends, with the values that were not read
   */
  constructor(
    private readonly limit: number,
    private readonly sizeOf: (value: T) => number,
    private readonly onEnd: (left: T[]) => void = () => undefined,
  ) {}

  /** @returns the number of values dropped to make room */
  push(value: T): number {
    if (this.closed) return 0;
    const reader = this.waiting.shift();
    if (reader) {
      reader({ done: false, value });
      return 0;
    }
    const size = this.sizeOf(value);
    this.values.push({ value, size });
    this.size += size;
    let dropped = 0;
    for (; this.size > this.limit && this.values.length > 1; dropped++) this.take();
    return dropped;
  }

  /** Ends the source. Buffered values can still be read. */
  end(): void {
    this.close([]);
  }

  /** Removes and returns the oldest value. */
  take(): { readonly value: T } | undefined {
    const oldest = this.values.shift();
    if (oldest) this.size -= oldest.size;
    return oldest;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const oldest = this.take();
    if (oldest) return Promise.resolve({ done: false, value: oldest.value });
    if (this.closed) return Promise.resolve(DONE);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Ends the reader and discards the buffered values. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.size = 0;
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
