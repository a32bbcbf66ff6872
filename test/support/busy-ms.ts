/** Milliseconds that synchronous work takes of the processor: by the clock, or fewer where others had it meanwhile. */
export function busyMs(work: () => void): number {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return Math.min(performance.now() - startedMs, (user + system) / 1_000);
}
