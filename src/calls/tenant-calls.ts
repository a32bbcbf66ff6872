import { MAX_TIMER_MS } from '../validation/options.js';
import { CallLimitError, type CallReservation } from './call-limits.js';

const MINUTE_MS = 60_000;

interface ActiveCall {
  readonly end: (message: string) => void;
  /** Answer time; `undefined` while it rings. */
  answeredAtMs?: number;
}

/** Active calls and rolling minutes of one tenant. All methods are synchronous and atomic. */
export class TenantCalls {
  /** Current limit of minutes. */
  private maxMinutes = Infinity;
  private readonly calls = new Set<ActiveCall>();
  private readonly used: RollingTotal;
  /** Fires when the active calls have used up the minutes. */
  private timer: NodeJS.Timeout | undefined;

  constructor(
    windowMs: number,
    private readonly now: () => number,
  ) {
    this.used = new RollingTotal(windowMs, now);
  }

  /** Number of active calls, ringing or answered. */
  get active(): number {
    return this.calls.size;
  }

  /** Minutes within the window, including those of active calls. */
  get minutes(): number {
    const now = this.now();
    let ms = this.used.total;
    for (const { answeredAtMs = now } of this.calls) ms += now - answeredAtMs;
    return ms / MINUTE_MS;
  }

  /** True when there is no state to keep. */
  get isIdle(): boolean {
    return this.calls.size === 0 && this.used.total === 0;
  }

  /** @throws {CallLimitError} */
  reserve(
    { maxCalls, maxMinutes }: { readonly maxCalls: number; readonly maxMinutes: number },
    end: (message: string) => void,
  ): CallReservation {
    this.maxMinutes = maxMinutes;
    if (this.calls.size >= maxCalls) {
      throw new CallLimitError(
        'calls',
        `All ${maxCalls} calls that may go on at once do; try again later.`,
      );
    }
    if (this.minutes >= maxMinutes) throw new CallLimitError('minutes', this.usedUp);
    const call: ActiveCall = { end };
    this.calls.add(call);
    return {
      answered: () => {
        call.answeredAtMs ??= this.now();
        this.watchMinutes();
      },
      ended: () => {
        if (!this.calls.delete(call)) return;
        if (call.answeredAtMs !== undefined) this.used.add(this.now() - call.answeredAtMs);
        this.watchMinutes();
      },
    };
  }

  private get usedUp(): string {
    return `The ${this.maxMinutes} minutes that may be called are used up.`;
  }

  /** Schedules the end of the active calls for the time when the minutes are used up, which depends on their number. */
  private watchMinutes(): void {
    clearTimeout(this.timer);
    const answered = [...this.calls].filter(({ answeredAtMs }) => answeredAtMs !== undefined);
    if (answered.length === 0 || this.maxMinutes === Infinity) return;
    const leftMs = ((this.maxMinutes - this.minutes) * MINUTE_MS) / answered.length;
    if (leftMs <= 0) {
      for (const { end } of answered) end(this.usedUp);
      return;
    }
    // Checked again then, since earlier minutes may have left the window.
    this.timer = setTimeout(
      () => this.watchMinutes(),
      Math.min(Math.ceil(leftMs), MAX_TIMER_MS),
    ).unref();
  }
}

/** Buckets of the window. Values may count for up to 1/288 of the window longer: 5 minutes of a day. */
const BUCKETS = 288;

/** Rolling sum of values within a time window, in constant memory. */
class RollingTotal {
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
