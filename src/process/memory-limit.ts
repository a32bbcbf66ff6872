import { readFile } from 'node:fs/promises';

/** The interval at which the memory of a process is read, in milliseconds. */
const INTERVAL_MS = 500;

/**
 * Watches how much memory a process has resident, through `/proc`.
 * @param onOver called once, when it has more than `limitBytes`
 * @returns how the watching is ended
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

/** 0 for one that is gone. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1_024;
}
