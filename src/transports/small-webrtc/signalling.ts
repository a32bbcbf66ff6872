import { parseJson } from '../../limits/json-limits.js';
import { isObject } from '../../validation/is-object.js';

/** Message type of the envelope for signalling between Pipecat's clients and servers. */
const SIGNALLING = 'signalling';
/** Prefix of a client's heartbeat, sent once a second. */
const PING = 'ping';

/** Message of a client over its data channel. */
export type ClientMessage =
  | { readonly kind: 'ping' | 'signalling' | 'malformed' }
  /** Mute of a track; the index is the client's, and can be anything. */
  | { readonly kind: 'track-status'; readonly index: unknown; readonly enabled: boolean }
  /** Message of the client's application. */
  | { readonly kind: 'app-message'; readonly message: unknown };

/** Reads a message of the client. Never throws. */
export function readMessage(text: string): ClientMessage {
  if (text.startsWith(PING)) return { kind: 'ping' };
  let message: unknown;
  try {
    message = parseJson(text);
  } catch {
    return { kind: 'malformed' };
  }
  if (!isObject(message) || message.type !== SIGNALLING) return { kind: 'app-message', message };
  const { type, receiver_index, enabled } = isObject(message.message) ? message.message : {};
  return type === 'trackStatus' && typeof enabled === 'boolean'
    ? { kind: 'track-status', index: receiver_index, enabled }
    : { kind: 'signalling' };
}

/** Returns a signalling message to the client. */
export const signalling = (message: object): string =>
  JSON.stringify({ type: SIGNALLING, message });
