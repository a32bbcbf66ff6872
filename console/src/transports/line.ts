import type { Transport } from '@pipecat-ai/client-js';
import type { StartAnswer } from '../runner-api.js';

/** Quality of the connection right now, as far as the browser can tell. */
export interface NetworkStats {
  readonly roundTripMs?: number;
  /** The share of the bot's packets that did not arrive, from 0 to 1. */
  readonly lossIn?: number;
  /** The share of the user's packets that did not arrive, from 0 to 1. */
  readonly lossOut?: number;
}

/** One of Pipecat's transports, and what this page needs to know of it. */
export interface Line {
  readonly transport: Transport;
  /** Parameters to connect with after `POST /start`. */
  connectParams(answer: StartAnswer): unknown;
  stats(): Promise<NetworkStats>;
  /** Said beside the numbers: where they come from. */
  readonly statsNote: string;
}
