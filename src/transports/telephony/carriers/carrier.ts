import { type CallData, sipHeaders } from '../../../bot/call-data.js';

/** A JSON message of a carrier's media WebSocket. */
export type CarrierMessage = Record<string, unknown>;

/** What a webhook answer is made from. */
export interface WebhookAnswerInput {
  /** The media WebSocket to connect the call to. */
  readonly wsUrl: string;
  /** What the carrier is to hand back once it connects. */
  readonly customParameters: Readonly<Record<string, string>>;
}

/** A webhook answer as it goes out. */
export interface WebhookAnswer {
  readonly contentType: string;
  readonly body: string;
}

/** How a carrier's media messages are built. */
export interface MediaDialect {
  /** The codec on the wire, always mono: `audio/x-mulaw` has a byte a sample, `audio/x-l16` two (little-endian). */
  readonly encoding: 'audio/x-mulaw' | 'audio/x-l16';
  readonly sampleRateHz: number;
  /** The audio of an inbound message, base64; `undefined` when it carries none. */
  read(message: CarrierMessage): string | undefined;
  /** An outbound message. */
  write(streamId: string, base64: string): CarrierMessage;
  /** Outbound messages must hold a multiple of this many bytes of audio, and at least `minBytes`. */
  readonly multipleOfBytes?: number;
  readonly minBytes?: number;
}

/** Everything the runner knows of one carrier. A new carrier is one file that implements this, and a line in `index.ts`. */
export interface Carrier {
  /** Its name on the wire. */
  readonly name: string;
  /** Answers its webhook. */
  webhookAnswer(input: WebhookAnswerInput): WebhookAnswer;
  /** What the message says of the call, if it is this carrier's start message. Never throws. */
  identify(message: CarrierMessage): CallData | undefined;
  /** Whether it may be sent WebSocket pings, by which a connection that died is told from one that is silent. */
  readonly answersPings: boolean;
  readonly media: MediaDialect;
}

/** The object in a field of a message; empty when something else is there. */
export function objectIn(message: CarrierMessage, field: string): CarrierMessage {
  const value = message[field];
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as CarrierMessage)
    : {};
}

/** The text in a field of a message; `undefined` when it is empty or something else. */
export function textIn(message: CarrierMessage, field: string): string | undefined {
  const value = message[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The audio of `{event: 'media', media: {payload}}`, which is how all carriers so far send it. */
export function mediaPayload(message: CarrierMessage): string | undefined {
  return message.event === 'media' ? textIn(objectIn(message, 'media'), 'payload') : undefined;
}

/** Twilio's prefix for SIP headers among the fields of its webhook; parameters keep it. */
const SIP_HEADER = 'SipHeader_';

/** The SIP headers among a call's parameters. */
export const sipHeadersIn = (parameters: Record<string, unknown>) =>
  sipHeaders(
    Object.entries(parameters)
      .filter(([name]) => name.startsWith(SIP_HEADER))
      .map(([name, value]) => [name.slice(SIP_HEADER.length), value]),
  );

/**
 * The caller of a webhook as custom parameters, for `TelephonyModule.forRoot({ customParameters: callerParameters })`: the bot then finds
 * `from`, `to` and `sip_headers` in its `call_data`, as on every other transport.
 */
export function callerParameters(webhook: Record<string, unknown>): Record<string, string> {
  const { From, To } = webhook;
  return Object.fromEntries(
    [
      ['from_number', From],
      ['to_number', To],
      ...Object.entries(webhook).filter(([name]) => name.startsWith(SIP_HEADER)),
    ].filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
