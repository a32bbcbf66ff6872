import { Worker } from 'node:worker_threads';

/** How soon a process follows its runner, in milliseconds. */
const INTERVAL_MS = 1_000;

/**
 * Ends the process, and what it has started, when its runner is gone. In a thread of its own, for a bot that hangs notices nothing; so the
 * line to the runner alone would not do.
 */
export function endWithRunner(): void {
  const code = `
    const runner = ${process.ppid};
    setInterval(() => {
      if (process.ppid !== runner) process.kill(-process.pid, 'SIGKILL');
    }, ${INTERVAL_MS});`;
  new Worker(code, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref();
}
