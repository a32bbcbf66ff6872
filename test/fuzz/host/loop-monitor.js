/** Between two looks at the clocks, in milliseconds. */
const TICK_MS = 5;

/**
 * The longest time for which the event loop was held. A process that has to wait for a processor spends no time of one: the less of time
 * that passed and of processor time counts, so that a busy machine looks like an idle one.
 */
export class LoopMonitor {
  heldMs = 0;
  passedMs = performance.now();
  used = process.cpuUsage();

  constructor() {
    setInterval(() => this.tick(), TICK_MS).unref();
  }

  /** Returns the longest time since the last call, in milliseconds. */
  take() {
    this.tick();
    const { heldMs } = this;
    this.heldMs = 0;
    return heldMs;
  }

  /** Runs what holds the loop without counting it. */
  without(action) {
    this.tick();
    action();
    this.look();
  }

  tick() {
    const nowMs = performance.now();
    const used = process.cpuUsage();
    const usedMs = (used.user + used.system - this.used.user - this.used.system) / 1_000;
    this.heldMs = Math.max(this.heldMs, Math.min(nowMs - this.passedMs - TICK_MS, usedMs));
    this.look();
  }

  look() {
    this.passedMs = performance.now();
    this.used = process.cpuUsage();
  }
}
