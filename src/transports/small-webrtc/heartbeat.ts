/** Heartbeat timeout, in milliseconds, after which a client is missing. */
const MISSING_AFTER_MS = 3_000;

/** Heartbeat of a client: Pipecat's send one every second. It runs from the first one on. */
export class Heartbeat {
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param timeoutMs heartbeat timeout, in milliseconds, after which the client is gone
   * @param missing called when the heartbeat is missing; it may come back
   * @param gone called when the client is gone
   */
  constructor(
    private readonly timeoutMs: number,
    private readonly missing: () => void,
    private readonly gone: () => void,
  ) {}

  /** Notes a heartbeat. */
  beat(): void {
    const missingMs = Math.min(MISSING_AFTER_MS, this.timeoutMs);
    this.wait(missingMs, () => {
      this.missing();
      this.wait(this.timeoutMs - missingMs, this.gone);
    });
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private wait(ms: number, callback: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(callback, ms);
  }
}
