/** Longest difference of the clocks that nothing is said about, in milliseconds. */
const MAX_DIFFERENCE_MS = 5_000;

/** The clock of this node beside that of Redis, from one heartbeat to the next. */
export class ClockWatch {
  /** Difference that is known, in milliseconds; `undefined` before the first heartbeat, which the checks at the start are for. */
  private knownMs: number | undefined;
  /** True if the last heartbeat showed another one. An event loop that was held shows one, too. */
  private isMoved = false;

  /** Compares the clocks. @param redisMs time by that of Redis, in milliseconds since 1970 @returns a warning when one of them has been set, so that they are apart */
  look(redisMs: number): string | undefined {
    const differenceMs = Date.now() - redisMs;
    this.knownMs ??= differenceMs;
    const wasMoved = this.isMoved;
    this.isMoved = areApart(differenceMs - this.knownMs);
    if (!this.isMoved || !wasMoved) return undefined;
    this.knownMs = differenceMs;
    this.isMoved = false;
    return areApart(differenceMs) ? clockText(differenceMs) : undefined;
  }
}

/** True for a difference that clients could notice. */
export const areApart = (differenceMs: number): boolean =>
  Math.abs(differenceMs) > MAX_DIFFERENCE_MS;

/** Returns the warning of a node whose clock is apart from that of Redis. */
export function clockText(differenceMs: number): string {
  const seconds = Math.abs(Math.round(differenceMs / 1_000));
  const [where, when] = differenceMs > 0 ? ['ahead of', 'early'] : ['behind', 'late'];
  return `the clock of this node is ${seconds} s ${where} that of Redis: tokens of other nodes expire too ${when} here; synchronize it (NTP)`;
}
