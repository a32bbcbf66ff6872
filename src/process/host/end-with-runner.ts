import { Worker } from 'node:worker_threads';

/** Polling interval, in milliseconds. */
const INTERVAL_MS = 1_000;

/**
 * Ends the process and its children when the runner is gone. Runs in a worker thread, since a blocked event loop does not notice a closed
 * connection.
 */
export function endWithRunner(): void {
  const code = `
    const runner = ${process.ppid};
    setInterval(() => {
      if (process.ppid !== runner) process.kill(-process.pid, 'SIGKILL');
    }, ${INTERVAL_MS});`;
  new Worker(code, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref();
}
