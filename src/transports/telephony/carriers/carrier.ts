import type { ByteOrder } from '../../../media/codecs/audio-codec.js';
import type { CallData } from '../../../bot/call-data.js';
import type { JsonMessage } from '../../../media/serializers/json-message.js';
import type { MediaSerializer } from '../../../media/serializers/media-serializer.js';
import type { SocketResponder } from '../../../websocket/runner-web-socket.js';
import type { CarrierDialect } from './carrier-dialect.js';
import type { PlivoContentType } from './plivo/plivo.serializer.js';
import type { ReceivedRequest, VerifyWebhook } from './received-request.js';
import type { TelnyxEncoding } from './telnyx/telnyx.serializer.js';
import type { CallTarget } from '../../../calls/call-target.js';

/** Codecs of a call, where the answer to the webhook selects them. */
export interface MediaFormats {
  readonly telnyxEncoding: TelnyxEncoding;
  /** @default 'little' */
  readonly telnyxL16ByteOrder?: ByteOrder;
  readonly plivoContentType: PlivoContentType;
}

/** Input of a webhook's answer. */
export interface WebhookAnswerInput {
  /** URL of the media WebSocket. */
  readonly wsUrl: string;
  /** Parameters that the carrier returns when it connects. */
  readonly customParameters: Readonly<Record<string, string>>;
  readonly formats: MediaFormats;
  /** URL of the webhook that the carrier asks again once the media WebSocket is closed and the call goes on. Set only where `resume` is. */
  readonly resumeUrl?: string;
}

/** Answer to a carrier's webhook. */
export interface WebhookAnswer {
  readonly contentType: string;
  readonly body: string;
}

/** XML documents that refuse a call. */
export interface RefusalXml {
  readonly busy: string;
  readonly rejected: string;
  /** @param text plain text, not escaped */
  say(text: string): string;
}

/** Webhook of a carrier for incoming calls. */
export interface CarrierWebhook {
  /** Builds the XML that connects the call to the media WebSocket. */
  connectXml(input: WebhookAnswerInput): string;
  /** Name of the field with the call id. */
  readonly callIdField: string;
  /** XML that refuses a call at capacity. */
  readonly busyXml: string;
  readonly refusalXml: RefusalXml;
  /** Set where `connectXml` takes a `resumeUrl`: such calls survive a crash, with `resumeCalls`. */
  readonly resume?: {
    /** XML that ends a call whose conversation is over. */
    readonly endXml: string;
  };
  /** Webhook signature, where the carrier signs its webhooks. */
  readonly signature?: {
    readonly verify: VerifyWebhook;
    /**
     * Header whose value is the same for each delivery of a webhook and for no other webhook, in lower case. A webhook that is delivered again, to
     * any node of a fleet, gets the first answer. @default each delivery is a webhook of its own
     */
    readonly deliveryHeader?: string;
    /** Environment variable with the key. */
    readonly env: string;
    /** Account field that also serves as the key. */
    readonly accountField?: string;
    /** Returns what a valid key is, for an invalid one. @default accepts any text */
    check?(key: string): string | undefined;
  };
}

/** Account fields by their environment variable; '' where there is none. */
export interface AccountFields {
  readonly required: Readonly<Record<string, string>>;
  readonly optional?: Readonly<Record<string, string>>;
  /** Optional fields with the secret, of which one set is needed. */
  readonly secrets?: readonly (readonly string[])[];
  /** Returns what a valid account is, for an invalid one. */
  check?(account: Readonly<Record<string, unknown>>): string | undefined;
}

/**
 * A carrier: everything specific to one, from the handshake of its media WebSocket to its REST API. `identify` and `serializer` are required, all
 * else is optional. {@link TelephonyModule} takes additional ones as `carriers`.
 */
export interface Carrier<Name extends string = string, Account extends object = object> {
  /** Wire name: the `transport` of `/start`, and `transport_type`. */
  readonly name: Name;
  /** Returns the data of the call from this carrier's start message; `undefined` for any other message. Never throws. */
  identify(message: JsonMessage): CallData | undefined;
  /**
   * Creates the serializer for the media of a call.
   * @param call the result of `identify()`, possibly after a JSON round trip
   * @throws {MediaUnavailableError} for an unsupported codec
   */
  serializer(call: CallData): MediaSerializer;
  /**
   * Creates the responder, which answers in time what the carrier wants answered, whether or not the bot listens yet.
   * @throws {MediaUnavailableError} for an unsupported codec
   */
  responder?(call: CallData): SocketResponder;
  /** True if the carrier only tests the connection: the responder answers it, and no bot is started. @default false */
  isTest?(call: CallData): boolean;
  /** Adds codecs to a call's data that the webhook's answer has set and the carrier does not repeat. */
  noteFormat?(call: CallData, formats: MediaFormats): void;
  /** False for a carrier that answers no WebSocket pings (keep-alive). @default true */
  readonly answersPings?: boolean;
  /** Verifies that a connection comes from the carrier, where an account is configured. @throws {RunnerError} `UNAUTHORIZED` */
  verifyConnection?(request: ReceivedRequest, account: Account, call: CallData): void;
  readonly webhook?: CarrierWebhook;
  /** Setting that holds the URL of the media WebSocket at a carrier without a webhook. */
  readonly urlSetting?: string;
  readonly account?: AccountFields;
  /** REST API for an account. */
  callApi?(account: Account): CallApi;
  /** Protocol for the testing kit's fake carrier. */
  readonly dialect?: CarrierDialect;
}

/** A request to a carrier's REST API. */
export interface ApiRequest {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Stores a document for carriers that fetch it, and returns its URL on this runner. @throws {RunnerError} `NO_PUBLIC_URL` */
export type DocumentUrl = (xml: string) => string;

/** A call transfer. */
export interface ApiTransfer {
  readonly callId: string;
  readonly target: CallTarget;
  /** Caller ID, in E.164. */
  readonly callerId: string | undefined;
  readonly urlOf: DocumentUrl;
}

/** An outbound call. */
export interface ApiCall {
  readonly to: CallTarget;
  readonly from: CallTarget;
  /** XML that connects the call to the media WebSocket. */
  readonly xml: string;
  readonly urlOf: DocumentUrl;
  /** Ring timeout, in whole seconds. */
  readonly ringTimeoutSeconds: number;
  /** Additional fields from the host, named as in the carrier's API. */
  readonly extra: Readonly<Record<string, string | number | boolean>>;
}

/** Request builder for a carrier's REST API: places, transfers and ends calls. */
export interface CallApi {
  readonly baseUrl: string;
  /** `Authorization` header. */
  readonly authorization: string;
  /** Secret in the header, redacted from logs and errors. */
  readonly secret: string;
  /** Builds the request that ends a call. @param callId the `call_id` of its `call_data` */
  endCall(callId: string): ApiRequest;
  /** True for an error answer which means that the call has ended. */
  isOver(status: number, answer: unknown): boolean;
  /** Builds the request that transfers a call. @throws {RunnerError} when configuration is missing */
  transferCall(transfer: ApiTransfer): ApiRequest;
  /** Builds the request that places a call. @throws {RunnerError} when configuration is missing */
  placeCall(call: ApiCall): ApiRequest;
  /** Returns the call id from the answer to {@link placeCall}, if present. */
  placedCallId(answer: unknown): string | undefined;
  /** Builds the request that cancels a ringing call. @default endCall */
  cancelCall?(callId: string): ApiRequest;
}

/** HTTP basic authentication header. */
export const basicAuth = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Returns an API answer as an object; an empty one for anything else. */
export const objectOf = (answer: unknown): JsonMessage =>
  typeof answer === 'object' && answer !== null ? { ...answer } : {};
