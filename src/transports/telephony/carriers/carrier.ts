import { type CallData, sipHeaders } from '../../../bot/call-data.js';
import type { CallTarget } from '../../../calls/call-target.js';
import type { CarrierMessage } from '../../../media/serializers/carrier-message.js';
import type { MediaSerializer } from '../../../media/serializers/media-serializer.js';
import type { PlivoContentType } from '../../../media/serializers/plivo.serializer.js';
import type { TelnyxEncoding } from '../../../media/serializers/telnyx.serializer.js';
import type { TelephonyCredentials } from '../telephony-credentials.js';
import type { VerifyWebhook } from './received-webhook.js';

/** How the audio of a call is coded, where the carrier leaves the choice to the webhook's answer. */
export interface MediaFormats {
  readonly telnyxEncoding: TelnyxEncoding;
  readonly plivoContentType: PlivoContentType;
}

/** What a webhook answer is made from. */
export interface WebhookAnswerInput {
  /** The media WebSocket to connect the call to. */
  readonly wsUrl: string;
  /** What the carrier is to hand back once it connects. */
  readonly customParameters: Readonly<Record<string, string>>;
  readonly formats: MediaFormats;
}

/** A webhook answer as it goes out. */
export interface WebhookAnswer {
  readonly contentType: string;
  readonly body: string;
}

/** A request to a carrier's REST API. */
export interface ApiRequest {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A call that is to be put through. */
export interface ApiTransfer {
  readonly callId: string;
  readonly target: CallTarget;
  /** The number that is shown there, in E.164. */
  readonly callerId: string | undefined;
  /** The XML that dials the target: {@link Carrier.transferXml}. */
  readonly xml: string;
  /** The URL at which this runner answers with that XML. @throws {RunnerError} `NO_PUBLIC_URL` */
  readonly xmlUrl: () => string;
}

/** A call that is to be placed. */
export interface ApiCall {
  readonly to: CallTarget;
  readonly from: CallTarget;
  /** The XML that connects it to the media WebSocket. */
  readonly xml: string;
  /** The URL at which this runner answers with that XML. */
  readonly xmlUrl: () => string;
  /** The longest ringing, in whole seconds. */
  readonly ringTimeoutSeconds: number;
  /** Further fields of the host's, in the carrier's own words. */
  readonly extra: Readonly<Record<string, string | number | boolean>>;
}

/** The part of a carrier's REST API that places, transfers and ends calls. */
export interface CallApi {
  readonly baseUrl: string;
  /** The `Authorization` header. */
  readonly authorization: string;
  /** The key or password in it, which must not be shown. */
  readonly secret: string;
  /** What to ask to end a call. @param callId the `call_id` of its `call_data` */
  endCall(callId: string): ApiRequest;
  /** Whether a refusal only says that the call is over. */
  isOver(status: number, answer: unknown): boolean;
  /** The request that puts a call through. @throws {RunnerError} when something is not configured that it takes */
  transferCall(transfer: ApiTransfer): ApiRequest;
  /** The request that places a call. @throws {RunnerError} when something is not configured that it takes */
  placeCall(call: ApiCall): ApiRequest;
  /** The id of the call in what that is answered, where it is there. */
  placedCallId(answer: unknown): string | undefined;
  /** The request that takes back a call that still rings. @default endCall */
  cancelCall?(callId: string): ApiRequest;
}

/** The documents that refuse a call. */
export interface RefusalXml {
  readonly busy: string;
  readonly rejected: string;
  /** @param text not escaped */
  say(text: string): string;
}

/** One who connects to `/ws`, and says in the first messages who it is. */
export interface Caller {
  /** Its name on the wire. */
  readonly name: string;
  /** What the message says of the call, if it is this caller's start message. Never throws. */
  identify(message: CarrierMessage): CallData | undefined;
  /** Whether it may be sent WebSocket pings, by which a connection that died is told from one that is silent. */
  readonly answersPings: boolean;
  /** Notes in a call's data what the carrier was told in the answer and does not repeat. */
  noteFormat?(call: CallData, formats: MediaFormats): void;
  /**
   * Reads and writes the media of a call.
   * @param call what {@link identify} returned, or its copy from JSON
   * @throws {MediaUnavailableError} when it is coded in a way that is not understood
   */
  readonly serializer: (call: CallData) => MediaSerializer;
}

/** Everything the runner knows of one carrier. A new carrier is one file that implements this, and a line in `index.ts`. */
export interface Carrier extends Caller {
  /** Proves that a webhook is its own, where it signs them. */
  readonly verifyWebhook?: VerifyWebhook;
  /** Answers its webhook. */
  webhookAnswer(input: WebhookAnswerInput): WebhookAnswer;
  /** The name of the webhook's field with the id of the call; missing where there is no webhook. */
  readonly webhookCallId?: string;
  /** The XML that turns a caller away while no call can be taken; missing where the webhook takes no calls anyway. */
  readonly busyXml?: string;
  /** The XML that refuses a call, likewise. */
  readonly refusalXml?: RefusalXml;
  /** The XML that puts a call through, where the carrier has one. */
  transferXml?(target: CallTarget, callerId: string | undefined): string;
  /** Its API, where it has one, and the credentials are there. */
  readonly callApi?: (credentials: TelephonyCredentials) => CallApi | undefined;
}

/** HTTP's basic authentication. */
export const basicAuth = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** What an API answered, as an object, whatever it is. */
export const objectOf = (answer: unknown): Record<string, unknown> =>
  typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {};

/** Fields as a form has them. */
export const textsOf = (
  fields: Readonly<Record<string, string | number | boolean>>,
): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));

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
