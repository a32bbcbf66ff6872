import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Returns how much memory is in use, heap and buffers, after the garbage is gone. In bytes. */
export async function heldBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await setImmediate();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Time for what is still under way to come to rest, in milliseconds. */
const REST_MS = 10_000;

/**
 * Returns how much more memory is in use than before, as soon as that is less than a limit, else what it is in the end: what is still read or
 * answered when one looks is not kept. In bytes.
 */
export async function heldSince(before: number, limit: number): Promise<number> {
  const endMs = performance.now() + REST_MS;
  for (;;) {
    const held = (await heldBytes()) - before;
    if (held < limit || performance.now() > endMs) return held;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
