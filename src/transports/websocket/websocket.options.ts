import { resolveOptions } from '../../validation/options.js';
import { Milliseconds } from '../../validation/option.decorators.js';

/** Options of {@link WebSocketModule}. */
export class WebSocketOptions {
  /**
   * Keep-alive interval of WebSocket pings, in milliseconds. A client silent for two intervals is disconnected. 0 disables pings.
   * @default 30_000
   */
  @Milliseconds(0)
  pingIntervalMs?: number = 30_000;
}

/** DI token of the resolved {@link WebSocketOptions}. */
export const WEBSOCKET_OPTIONS = Symbol('WEBSOCKET_OPTIONS');

/** Fills in the defaults. @throws {InvalidOptionsError} */
export const resolveWebSocketOptions = (options: WebSocketOptions): Required<WebSocketOptions> =>
  resolveOptions('WebSocketModule', new WebSocketOptions(), options);
