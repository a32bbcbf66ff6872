import { checkOptions } from '../../validation/options.js';

/** Options of {@link WebSocketModule}. */
export interface WebSocketOptions {
  /**
   * How often a client is pinged, in milliseconds; one that stays silent for two of them is cut off. 0 is off.
   * @default 30_000
   */
  pingIntervalMs?: number;
}

/** Accepts 0 (off) or a whole number of milliseconds. */
const checkPingIntervalMs = (value: unknown): string | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31
    ? undefined
    : 'must be a whole number of milliseconds, 0 for off';

/** Fills in the defaults. */
export function resolveWebSocketOptions(options: WebSocketOptions): Required<WebSocketOptions> {
  checkOptions('WebSocketModule', options, { pingIntervalMs: checkPingIntervalMs });
  return { pingIntervalMs: options.pingIntervalMs ?? 30_000 };
}
