/**
 * Values that come when they come, for a reader who asks when it asks. Holds so much of them and no more: the oldest go first.
 */
export class Inbox<T> implements AsyncIterableIterator<T> {
  private readonly values: T[] = [];
  private held = 0;
  private waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  private closed = false;

  /**
   * @param limit how much may be held
   * @param sizeOf how much a value counts
   * @param onEnd called once, when the reader stops or there will be no more values
   */
  constructor(
    private readonly limit: number,
    private readonly sizeOf: (value: T) => number,
    private readonly onEnd: () => void = () => undefined,
  ) {}

  /** @returns how many values were dropped to make room */
  push(value: T): number {
    if (this.closed) return 0;
    const reader = this.waiting.shift();
    if (reader) {
      reader({ done: false, value });
      return 0;
    }
    this.values.push(value);
    this.held += this.sizeOf(value);
    let dropped = 0;
    while (this.held > this.limit && this.values.length > 1) {
      this.held -= this.sizeOf(this.values.shift()!);
      dropped++;
    }
    return dropped;
  }

  /** No more values will come; those that are there can still be read. */
  end(): void {
    if (this.closed) return;
    this.closed = true;
    for (const reader of this.waiting.splice(0)) reader(DONE);
    this.onEnd();
  }

  /** Takes out all that is there. */
  drain(): T[] {
    this.held = 0;
    return this.values.splice(0);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const value = this.values.shift();
    if (value !== undefined) {
      this.held -= this.sizeOf(value);
      return Promise.resolve({ done: false, value });
    }
    if (this.closed) return Promise.resolve(DONE);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** The reader stops. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.drain();
    this.end();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const DONE = { done: true, value: undefined } as const;
