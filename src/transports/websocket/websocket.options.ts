import { checkOptions } from '../../validation/options.js';

/** Options of {@link WebSocketModule}. */
export interface WebSocketOptions {
  /**
   * Keep-alive interval of WebSocket pings, in milliseconds. A client silent for two intervals is disconnected. 0 disables pings.
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
