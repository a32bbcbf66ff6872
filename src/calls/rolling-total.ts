/** Buckets of the window. Values may count for up to 1/288 of the window longer: 5 minutes of a day. */
const BUCKETS = 288;

/** Rolling sum of values within a time window, in constant memory. */
export class RollingTotal {
  private readonly bucketMs: number;
  /** Sums by bucket number, oldest first. */
  private readonly buckets = new Map<number, number>();

  /**
   * @param windowMs length of the window, in milliseconds
   * @param now clock, in milliseconds
   */
  constructor(
    windowMs: number,
    private readonly now: () => number,
  ) {
    this.bucketMs = windowMs / BUCKETS;
  }

  add(amount: number): void {
    const bucket = this.forgetOld();
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + amount);
  }

  get total(): number {
    this.forgetOld();
    let sum = 0;
    for (const amount of this.buckets.values()) sum += amount;
    return sum;
  }

  /** @returns the current bucket */
  private forgetOld(): number {
    const current = Math.floor(this.now() / this.bucketMs);
    for (const bucket of this.buckets.keys()) {
      if (bucket >= current - BUCKETS) break;
      this.buckets.delete(bucket);
    }
    return current;
  }
}
