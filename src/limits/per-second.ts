/** Limit of what is taken in a second. */
export class PerSecond {
  private taken = 0;
  private sinceMs = -Infinity;

  constructor(private readonly most: number) {}

  /** Takes so many, unless they are too many in this second. @returns true if they were taken */
  take(count = 1): boolean {
    const nowMs = performance.now();
    if (nowMs - this.sinceMs >= 1_000) [this.taken, this.sinceMs] = [0, nowMs];
    if (this.taken + count > this.most) return false;
    this.taken += count;
    return true;
  }
}
