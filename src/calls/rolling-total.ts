/** The number of buckets that the window is divided into. What has left it may count for up to a 288th of it longer: five minutes of a day. */
const BUCKETS = 288;

/** The sum of what was added within a window of time that ends now. Takes the same memory however much is added. */
export class RollingTotal {
  private readonly bucketMs: number;
  /** By the number of their bucket, oldest first. */
  private readonly buckets = new Map<number, number>();

  /**
   * @param windowMs how long what was added counts, in milliseconds
   * @param now the time, in milliseconds
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

  /** @returns the bucket of now */
  private forgetOld(): number {
    const current = Math.floor(this.now() / this.bucketMs);
    for (const bucket of this.buckets.keys()) {
      if (bucket >= current - BUCKETS) break;
      this.buckets.delete(bucket);
    }
    return current;
  }
}
