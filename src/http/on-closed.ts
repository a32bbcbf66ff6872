import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';

/** Listeners of `close` that Node's `pipeline()` adds to a response. */
const OF_PIPELINE = 6;

const waiting = new WeakMap<object, Set<() => void>>();

/**
 * Calls back once when a response is closed. Node warns of more than ten listeners, and the host's middleware has its own: all that wait, of however many
 * runners, share one listener of `close`, and those of `pipeline()` do not count.
 * @returns a function that takes it back
 */
export function onClosed(
  response: ServerResponse | Http2ServerResponse,
  callback: () => void,
): () => void {
  const all = waiting.get(response) ?? listen(response);
  all.add(callback);
  return () => void all.delete(callback);
}

function listen(response: ServerResponse | Http2ServerResponse): Set<() => void> {
  const all = new Set<() => void>();
  waiting.set(response, all);
  const limit = response.getMaxListeners();
  // 0 is none.
  if (limit > 0) response.setMaxListeners(limit + OF_PIPELINE);
  response.once('close', () => {
    for (const callback of all) callback();
  });
  return all;
}
