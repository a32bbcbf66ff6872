import { performance } from 'node:perf_hooks';

/** Shortest time over which the load is measured, in milliseconds. */
const WINDOW_MS = 1_000;

/** Share of the time for which the event loop was busy: the load of a node, which has one thread. */
export class LoopLoad {
  private from = performance.eventLoopUtilization();
  private fromMs = -Infinity;
  private load = 0;

  /** Returns the load between two looks that are a second apart, from 0 to 1. */
  look(): number {
    const nowMs = performance.now();
    if (nowMs - this.fromMs < WINDOW_MS) return this.load;
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.from);
    this.load = Math.round(utilization * 1_000) / 1_000;
    this.from = now;
    this.fromMs = nowMs;
    return this.load;
  }
}
