import type { RawData, WebSocket } from 'ws';
import { CallData } from '../../bot/call-data.js';
import { RunnerWebSocket } from '../../websocket/runner-web-socket.js';
import {
  type CarrierMessage,
  parseCarrierMessage,
} from '../../media/serializers/carrier-message.js';
import { CALLERS } from './callers.js';

/** Who is calling, and through whom. */
export interface TelephonyHandshake {
  /** The carrier's wire name, `eval` for Pipecat's eval harness, or `unknown`. */
  readonly transport_type: string;
  /** What it said of the call; empty when the caller is unknown. */
  readonly call_data: CallData;
}

/** Why a handshake could not be read. */
export class TelephonyHandshakeError extends Error {
  override readonly name = 'TelephonyHandshakeError';
  constructor(
    readonly code: 'CLOSED' | 'TIMED_OUT' | 'ABORTED',
    message: string,
  ) {
    super(message);
  }
}

/** How many messages a carrier may take to say who it is. */
const MAX_MESSAGES = 2;
/** Longer ones are no carrier's: what they say is kept as long as the call. */
const MAX_MESSAGE_BYTES = 65_536;

const read = new WeakMap<WebSocket, Promise<TelephonyHandshake>>();

/**
 * Reads which carrier is calling, and about which call, from the first messages of a media WebSocket. It takes one message
 * if that says it all, and two at most; what follows is left to the next listener. Reading again gives the same result without
 * taking anything, unless reading failed.
 *
 * @param options.timeoutMs how long to wait for the messages, in milliseconds; without it, as long as the socket is open
 * @throws {TelephonyHandshakeError} when the socket closes before its first message, or the wait ends
 */
export function parseTelephonyWebSocket(
  websocket: WebSocket,
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<TelephonyHandshake> {
  let handshake = read.get(websocket);
  if (!handshake) {
    const noted = readAlready(websocket);
    handshake = noted ? Promise.resolve(noted) : readHandshake(websocket, options);
    read.set(websocket, handshake);
    handshake.catch(() => read.delete(websocket));
  }
  return handshake;
}

/** By the process that the socket comes from. */
function readAlready(websocket: WebSocket): TelephonyHandshake | undefined {
  const texts = websocket instanceof RunnerWebSocket ? websocket.handshake : [];
  for (const text of texts) {
    const handshake = identify(parseCarrierMessage(Buffer.from(text)) ?? {});
    if (handshake) return handshake;
  }
  return undefined;
}

function readHandshake(
  websocket: WebSocket,
  { timeoutMs, signal }: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<TelephonyHandshake> {
  return new Promise((resolve, reject) => {
    let messages = 0;
    const texts: string[] = [];
    let timer: NodeJS.Timeout | undefined;

    const settle = (outcome: () => void) => {
      websocket.off('message', onMessage).off('close', onClose);
      // The frames behind the handshake are the bot's, who does not listen yet.
      if (websocket instanceof RunnerWebSocket) websocket.hold();
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
      outcome();
    };
    const fail = (code: TelephonyHandshakeError['code'], message: string) =>
      settle(() => reject(new TelephonyHandshakeError(code, message)));
    const unknown = () =>
      settle(() => resolve({ transport_type: 'unknown', call_data: new CallData() }));

    const onMessage = (data: RawData, isBinary: boolean) => {
      messages++;
      const text = !isBinary && (data as Buffer).length <= MAX_MESSAGE_BYTES;
      if (text) texts.push((data as Buffer).toString());
      const handshake = identify((text && parseCarrierMessage(data as Buffer)) || {});
      if (handshake) {
        if (websocket instanceof RunnerWebSocket) websocket.handshake = texts;
        settle(() => resolve(handshake));
      } else if (messages === MAX_MESSAGES) unknown();
    };
    const onClose = () => {
      if (messages > 0) unknown();
      else fail('CLOSED', 'the connection closed before the carrier said anything');
    };
    const onAbort = () => fail('ABORTED', 'the session ended before the carrier said who it is');

    websocket.on('message', onMessage).on('close', onClose);
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    else if (websocket.readyState > websocket.OPEN) onClose();
    else if (timeoutMs !== undefined) {
      timer = setTimeout(
        () => fail('TIMED_OUT', `the carrier did not say who it is within ${timeoutMs} ms`),
        timeoutMs,
      );
    }
  });
}

/** A message that is no JSON object counts as an empty one. */
function identify(message: CarrierMessage): TelephonyHandshake | undefined {
  for (const caller of CALLERS) {
    const call_data = caller.identify(message);
    if (call_data) return { transport_type: caller.name, call_data };
  }
  return undefined;
}
