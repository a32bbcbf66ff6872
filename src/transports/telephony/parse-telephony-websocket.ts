import type { RawData, WebSocket } from 'ws';
import { CallData } from '../../bot/call-data.js';
import { LogBudget } from '../../errors/log-budget.js';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { textOfThrown } from '../../errors/thrown.js';
import { type Message, RunnerWebSocket } from '../../websocket/runner-web-socket.js';
import { type JsonMessage, parseJsonMessage } from '../../media/serializers/json-message.js';
import type { Carrier } from './carriers/carrier.js';
import { BUILT_IN, Carriers, evalHarness } from './carriers/index.js';

/** Result of a telephony handshake: the carrier and the call. */
export interface TelephonyHandshake {
  /** Wire name of the carrier, `eval` for Pipecat's eval harness, or `unknown`. */
  readonly transport_type: string;
  /** Data of the call; empty for an unknown carrier. */
  readonly call_data: CallData;
}

/** Failure of a telephony handshake. */
export class TelephonyHandshakeError extends Error {
  override readonly name = 'TelephonyHandshakeError';
  constructor(
    readonly code: 'CLOSED' | 'TIMED_OUT' | 'ABORTED',
    message: string,
  ) {
    super(message);
  }
}

/** The most messages of a handshake. */
const MAX_MESSAGES = 2;
/** Largest handshake message, in bytes. Its data is kept for the duration of the call. */
const MAX_MESSAGE_BYTES = 16_384;

/** Carrier of a socket, unless none matches. */
export interface DetectedCarrier {
  readonly carrier?: Carrier;
  readonly handshake: TelephonyHandshake;
}

/** Options of {@link detectCarrier}. */
export interface DetectOptions {
  /** @default those of an earlier reading, or else the built-in ones */
  readonly carriers?: Carriers;
  /** Handshake timeout, in milliseconds. @default as long as the socket is open */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Returns the messages of an unknown peer to the socket, to be read again. */
  readonly keepsUnknown?: boolean;
  /** Silence after which a peer is unknown, in milliseconds. @default never */
  readonly silenceMs?: number;
}

/** Handshake result of each socket, since its messages can be read only once. */
const readings = new WeakMap<
  WebSocket,
  { readonly carriers: Carriers; readonly detected?: Promise<DetectedCarrier> }
>();

/**
 * Detects the carrier and the call from the first one or two messages of a media WebSocket. Later messages are buffered for the next
 * listener. Idempotent: a repeated call returns the same result, unless reading failed.
 *
 * @param options.timeoutMs handshake timeout in milliseconds; unset, as long as the socket is open
 * @param options.carriers additional carriers from the host, which `createTransport` then supports as well @default none
 * @throws {TelephonyHandshakeError} when the socket closes before its first message, or on timeout
 */
export async function parseTelephonyWebSocket(
  websocket: WebSocket,
  options: {
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
    readonly carriers?: readonly Carrier[];
  } = {},
): Promise<TelephonyHandshake> {
  const carriers = options.carriers && new Carriers(options.carriers);
  return (await detectCarrier(websocket, { ...options, carriers })).handshake;
}

/** Detects the carrier and returns it with the handshake. @throws {TelephonyHandshakeError} */
export function detectCarrier(
  websocket: WebSocket,
  options: DetectOptions,
): Promise<DetectedCarrier> {
  const reading = readings.get(websocket);
  if (reading?.detected) return reading.detected;
  const carriers = options.carriers ?? reading?.carriers ?? BUILT_IN;
  const noted = readAlready(websocket, carriers);
  const detected = noted ? Promise.resolve(noted) : readHandshake(websocket, carriers, options);
  readings.set(websocket, { carriers, detected });
  const forget = (): void => void readings.set(websocket, { carriers });
  detected.then(({ carrier }) => {
    if (!carrier && options.keepsUnknown) forget();
  }, forget);
  return detected;
}

/** Returns the detected carrier of a socket, once read. */
export const detectedCarrier = async (websocket: WebSocket): Promise<Carrier | undefined> =>
  (await readings.get(websocket)?.detected)?.carrier;

/** Matches the handshake messages that the parent process has read from a relayed socket. */
function readAlready(websocket: WebSocket, carriers: Carriers): DetectedCarrier | undefined {
  const texts = websocket instanceof RunnerWebSocket ? websocket.handshake : [];
  for (const text of texts) {
    const detected = identify(parseJsonMessage(Buffer.from(text)) ?? {}, carriers);
    if (detected) return detected;
  }
  return undefined;
}

function readHandshake(
  websocket: WebSocket,
  carriers: Carriers,
  { timeoutMs, signal, keepsUnknown = false, silenceMs }: DetectOptions,
): Promise<DetectedCarrier> {
  return new Promise((resolve, reject) => {
    const taken: Message[] = [];
    const texts: string[] = [];
    let timer: NodeJS.Timeout | undefined;
    let silence: NodeJS.Timeout | undefined;

    const settle = (outcome: () => void, unread: readonly Message[] = []) => {
      websocket.off('message', onMessage).off('close', onClose);
      // Later messages are for the bot, which does not listen yet.
      if (websocket instanceof RunnerWebSocket) websocket.hold(unread);
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
      clearTimeout(silence);
      outcome();
    };
    const fail = (code: TelephonyHandshakeError['code'], message: string) =>
      settle(() => reject(new TelephonyHandshakeError(code, message)));
    const unknown = () =>
      settle(
        () => resolve({ handshake: { transport_type: 'unknown', call_data: new CallData() } }),
        keepsUnknown ? taken : [],
      );
    const awaitMore = () => {
      clearTimeout(silence);
      if (silenceMs !== undefined) silence = setTimeout(unknown, silenceMs);
    };

    const onMessage = (data: RawData, isBinary: boolean) => {
      taken.push([data, isBinary]);
      const text = !isBinary && (data as Buffer).length <= MAX_MESSAGE_BYTES;
      if (text) texts.push((data as Buffer).toString());
      const detected = identify((text && parseJsonMessage(data as Buffer)) || {}, carriers);
      if (detected) {
        if (websocket instanceof RunnerWebSocket) websocket.handshake = texts;
        settle(() => resolve(detected));
      } else if (taken.length === MAX_MESSAGES) unknown();
      else awaitMore();
    };
    const onClose = () => {
      if (taken.length > 0) unknown();
      else fail('CLOSED', 'the connection closed before the carrier said anything');
    };
    const onAbort = () => fail('ABORTED', 'the session ended before the carrier said who it is');

    websocket.on('message', onMessage).on('close', onClose);
    signal?.addEventListener('abort', onAbort);
    awaitMore();
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

/** Matches the carriers; a message that is no JSON object counts as an empty one. */
function identify(message: JsonMessage, carriers: Carriers): DetectedCarrier | undefined {
  for (const carrier of [...carriers.all, evalHarness]) {
    const call_data = identifiedBy(carrier, message);
    if (!call_data) continue;
    // Whoever copies the parameters would give the copy a prototype of the peer's.
    Reflect.deleteProperty(call_data.body, '__proto__');
    return { carrier, handshake: { transport_type: carrier.name, call_data } };
  }
  return undefined;
}

const identifyFailures = new LogBudget(new RunnerLogger('PipecatRunner'));

/** A host's carrier that throws does not know the message; the calls of other carriers go on. */
function identifiedBy(carrier: Carrier, message: JsonMessage): CallData | undefined {
  try {
    return carrier.identify(message);
  } catch (thrown) {
    const { text } = textOfThrown(thrown);
    const failure = `identify() of carrier ${carrier.name} threw`;
    identifyFailures.warn(`${failure}: ${text}`, failure);
    return undefined;
  }
}
