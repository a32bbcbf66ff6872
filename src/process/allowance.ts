import { setTimeout as sleep } from 'node:timers/promises';

/** Rate limit window, in milliseconds. */
const PERIOD_MS = 1_000;

/** Rate limit: an amount per second, in fixed windows that start with the first use. */
export class Allowance {
  private left = 0;
  private endsAtMs = 0;
  private readonly lifting = new AbortController();

  constructor(private perSecond: number) {}

  /** Consumes an amount, even if less is left. @returns false when nothing was left */
  use(amount: number): boolean {
    const nowMs = performance.now();
    if (nowMs >= this.endsAtMs) {
      this.left = this.perSecond;
      this.endsAtMs = nowMs + PERIOD_MS;
    }
    const hadSome = this.left > 0;
    this.left -= amount;
    return hadSome;
  }

  /** True until the next window, once the amount is used up. */
  get isSpent(): boolean {
    return this.left <= 0 && this.msLeft > 0;
  }

  /** Rest of the window, in milliseconds. */
  get msLeft(): number {
    return Math.max(0, this.endsAtMs - performance.now());
  }

  /** Resolves when some of the amount is available. */
  async available(): Promise<void> {
    const { signal } = this.lifting;
    while (this.isSpent) await sleep(this.msLeft, undefined, { signal }).catch(() => undefined);
  }

  /** Removes the limit. */
  lift(): void {
    this.left = this.perSecond = Infinity;
    this.lifting.abort();
  }
}
