import type { CallData } from '../../../bot/call-data.js';
import type { JsonMessage } from '../../../media/serializers/json-message.js';
import type { MediaSerializer } from '../../../media/serializers/media-serializer.js';
import type { SocketResponder } from '../../../websocket/runner-web-socket.js';
import type { CallApi } from './call-api.js';
import type { CarrierDialect } from './carrier-dialect.js';
import type { PlivoContentType } from './plivo/plivo.serializer.js';
import type { ReceivedRequest, VerifyWebhook } from './received-request.js';
import type { TelnyxEncoding } from './telnyx/telnyx.serializer.js';

/** The codecs of a call, where the carrier leaves the choice to the webhook's answer. */
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

/** The documents that refuse a call. */
export interface RefusalXml {
  readonly busy: string;
  readonly rejected: string;
  /** @param text not escaped */
  say(text: string): string;
}

/** The webhook of a carrier that asks what to do with a call. */
export interface CarrierWebhook {
  /** The XML that connects the call to the media WebSocket. */
  connectXml(input: WebhookAnswerInput): string;
  /** The name of the field with the id of the call. */
  readonly callIdField: string;
  /** The XML that turns a caller away while no call can be taken. */
  readonly busyXml: string;
  readonly refusalXml: RefusalXml;
  /** The signature, where the carrier signs its webhooks. */
  readonly signature?: {
    readonly verify: VerifyWebhook;
    /** The environment variable with the key. */
    readonly env: string;
    /** The field of the account that is the key as well. */
    readonly accountField?: string;
    /** What a key must be, unless it is that. @default any text */
    check?(key: string): string | undefined;
  };
}

/** The fields of a carrier's account, by the environment variable that each is taken from; '' where there is none. */
export interface AccountFields {
  readonly required: Readonly<Record<string, string>>;
  readonly optional?: Readonly<Record<string, string>>;
  /** What else an account must be, unless it is that. */
  check?(account: Readonly<Record<string, unknown>>): string | undefined;
}

/**
 * A carrier: everything that is particular to one, from the handshake of its media WebSocket to its REST API. `identify` and `serializer` are enough;
 * what else is there, is used. {@link TelephonyModule} takes further ones as `carriers`.
 */
export interface Carrier<Name extends string = string, Account extends object = object> {
  /** Its name on the wire: the `transport` of `/start`, and `transport_type`. */
  readonly name: Name;
  /** The data of the call, if the message is this carrier's start message. Never throws. */
  identify(message: JsonMessage): CallData | undefined;
  /**
   * Reads and writes the media of a call.
   * @param call as `identify()` has it, maybe after a trip through JSON
   * @throws {MediaUnavailableError} for a codec that is not understood
   */
  serializer(call: CallData): MediaSerializer;
  /**
   * Answers what the carrier wants answered in time, whether or not the bot listens yet.
   * @throws {MediaUnavailableError} for a codec that is not understood
   */
  responder?(call: CallData): SocketResponder;
  /** Whether the carrier only tests the connection: it is answered by the responder, and no bot is started. @default false */
  isTest?(call: CallData): boolean;
  /** Notes in a call's data what the carrier was told in the webhook's answer and does not repeat. */
  noteFormat?(call: CallData, formats: MediaFormats): void;
  /** False for a carrier that answers no WebSocket pings, by which a dead connection is told from a silent one. @default true */
  readonly answersPings?: boolean;
  /** Proves that a connection is the carrier's own, where there is an account. @throws {RunnerError} `UNAUTHORIZED` */
  verifyConnection?(request: ReceivedRequest, account: Account, call: CallData): void;
  readonly webhook?: CarrierWebhook;
  /** The place where the URL of the media WebSocket is entered at a carrier without a webhook. */
  readonly urlSetting?: string;
  readonly account?: AccountFields;
  /** Its REST API, with an account. */
  callApi?(account: Account): CallApi;
  /** What the testing kit sends as this carrier. */
  readonly dialect?: CarrierDialect;
}
