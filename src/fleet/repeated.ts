/** Work that is repeated until it is stopped. */
export class Repeated {
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  /**
   * @param everyMs shortest pause, in milliseconds; with as much again of jitter, so that nodes do not act all at once
   * @param work may fail, and is tried again
   */
  constructor(
    private readonly everyMs: number,
    private readonly work: () => unknown,
  ) {
    this.wait();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private wait(): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => void this.run(), this.everyMs * (1 + Math.random())).unref();
  }

  private async run(): Promise<void> {
    try {
      await this.work();
    } catch {
      // Tried again.
    }
    this.wait();
  }
}
