/** Releases of native libraries that keep the process alive, by the names of their packages. */
const releases = new Map<string, () => Promise<void>>();
let runners = 0;

/** Releases a native library once the last runner of this process is closed, so that the process can end. @param name its package */
export function releaseWithLastRunner(name: string, release: () => Promise<void>): void {
  releases.set(name, release);
}

/** Counts a runner of this process. */
export function runnerOpened(): void {
  runners++;
}

/** Counts a runner less. Resolves once there is nothing to release; never rejects. */
export async function runnerClosed(): Promise<void> {
  if (--runners > 0) return;
  const due = [...releases.values()];
  releases.clear();
  // A runtime that cannot be released keeps the process, and there is nobody left to tell.
  await Promise.allSettled(due.map(async (release) => release()));
}
