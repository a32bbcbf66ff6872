import { readFile } from 'node:fs/promises';

/** Polling interval, in milliseconds. */
const INTERVAL_MS = 500;

/**
 * Watches the resident memory of a process, through `/proc`.
 * @param onOver called once, past `limitBytes`
 * @returns a function that stops watching
 */
export function watchMemory(pid: number, limitBytes: number, onOver: () => void): () => void {
  const timer = setInterval(() => {
    void residentBytes(pid).then((bytes) => {
      if (bytes <= limitBytes) return;
      clearInterval(timer);
      onOver();
    });
  }, INTERVAL_MS);
  return () => clearInterval(timer);
}

/** Returns the resident memory of a process, in bytes; 0 for one that has exited. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1_024;
}
