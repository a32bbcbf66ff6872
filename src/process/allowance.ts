import { setTimeout as sleep } from 'node:timers/promises';

/** The time an allowance is for, in milliseconds. */
const PERIOD_MS = 1_000;

/** An amount for each second. A second begins with the first use after the one before. */
export class Allowance {
  private left = 0;
  private endsAtMs = 0;
  private readonly lifting = new AbortController();

  constructor(private perSecond: number) {}

  /** Uses an amount, even where less of it is left. @returns whether any was left */
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

  /** True until the next second, once everything is used. */
  get isSpent(): boolean {
    return this.left <= 0 && this.msLeft > 0;
  }

  /** The rest of the second, in milliseconds. */
  get msLeft(): number {
    return Math.max(0, this.endsAtMs - performance.now());
  }

  /** Resolves once there is some left. */
  async available(): Promise<void> {
    const { signal } = this.lifting;
    while (this.isSpent) await sleep(this.msLeft, undefined, { signal }).catch(() => undefined);
  }

  /** Ends the limit. */
  lift(): void {
    this.left = this.perSecond = Infinity;
    this.lifting.abort();
  }
}
