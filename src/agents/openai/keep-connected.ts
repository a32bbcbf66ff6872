import { setTimeout as sleep } from 'node:timers/promises';
import { errorOf } from '../error-of.js';
import type { TransportLayer } from './realtime-layer.js';
import type { Realtime } from './realtime-module.js';
import { replayOf } from './replay.js';

/** Delays before the attempts to connect to the model again, in milliseconds. */
const RECONNECT_DELAYS_MS = [0, 500, 2_000];
/** Duration of a connection after which the attempts are counted anew, in milliseconds. */
const STABLE_MS = 10_000;

/**
 * Connects again whenever the model's connection ends, until the agent or the user ends theirs.
 * @param signal aborts when the user is gone
 * @throws the last error when it cannot
 */
export async function keepConnected(
  layer: TransportLayer,
  realtime: Realtime,
  signal: AbortSignal,
  log: (text: string, thrown: unknown) => void,
): Promise<void> {
  let attempts = 0;
  for (;;) {
    const sinceMs = performance.now();
    await disconnected(layer);
    if (layer.isClosed) return;
    if (performance.now() - sinceMs > STABLE_MS) attempts = 0;
    let error = layer.problem ?? new Error('The model closed the connection.');
    do {
      log('the model is connected again, because its connection ended', error);
      const delayMs = RECONNECT_DELAYS_MS[attempts++];
      if (delayMs === undefined) throw error;
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
      if (layer.isClosed) return;
      try {
        await layer.reconnect((callIds) => replayOf(realtime.history, callIds));
      } catch (thrown) {
        error = errorOf(thrown);
      }
    } while (layer.status !== 'connected' && !layer.isClosed);
  }
}

/** Waits for the end of the model's connection. */
async function disconnected(layer: TransportLayer): Promise<void> {
  if (layer.status === 'disconnected') return;
  await new Promise<void>((resolve) => {
    const change = (status: string): void => {
      if (status !== 'disconnected') return;
      layer.off('connection_change', change);
      resolve();
    };
    layer.on('connection_change', change);
  });
}
