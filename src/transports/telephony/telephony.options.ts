import { IsIn } from 'class-validator';
import { BYTE_ORDERS, type ByteOrder } from '../../media/codecs/audio-codec.js';
import { PLIVO_CONTENT_TYPES, type PlivoContentType } from './carriers/plivo/plivo.serializer.js';
import { TELNYX_ENCODINGS, type TelnyxEncoding } from './carriers/telnyx/telnyx.serializer.js';
import { isPublicUrl, PUBLIC_URL } from '../../runner.options.js';
import { isObject } from '../../validation/is-object.js';
import { Accepts, IsFlag, Milliseconds, ValidatedBy } from '../../validation/option.decorators.js';
import { resolveOptions, type WithDefaults } from '../../validation/options.js';
import { BUILT_IN, type Carriers } from './carriers/index.js';
import { checkCredentials, type TelephonyCredentials } from './telephony-credentials.js';
import { checkWebhookKeys, type WebhookKeys } from './webhook-keys.js';

const IsAmong = (...values: readonly string[]): PropertyDecorator =>
  IsIn(values, { message: `$property must be one of ${values.join(', ')}` });

const isStringRecord = (value: unknown): boolean =>
  isObject(value) && Object.values(value).every((one) => typeof one === 'string');

function busyXmlProblem(value: unknown, { carriers }: WithCarriers): string | undefined {
  const answering = carriers.all.flatMap(({ name, webhook }) => (webhook ? [name] : []));
  return isObject(value) &&
    Object.entries(value).every(
      ([name, xml]) =>
        answering.includes(name) && typeof xml === 'string' && /^\s*<Response[\s/>]/.test(xml),
    )
    ? undefined
    : `must be an object of <Response> documents by the name of their carrier: ${answering.join(', ')}`;
}

function openCarriersProblem(value: unknown, { carriers }: WithCarriers): string | undefined {
  const { names } = carriers;
  return Array.isArray(value) && value.every((one: unknown) => names.some((name) => name === one))
    ? undefined
    : `must be a list of ${names.join(', ')}`;
}

/** Form fields or JSON of a carrier's webhook, unchanged. */
export type WebhookFields = Record<string, unknown>;

/** Options of {@link TelephonyModule}. */
export class TelephonyOptions {
  /**
   * Public host name (or URL) of this runner for carriers.
   * @default the runner's own `publicUrl`, else the host of each request
   */
  @Accepts(PUBLIC_URL, isPublicUrl)
  publicUrl?: string;
  /**
   * Parameters that the carrier returns when it connects, in `call_data.body`. `from_number` and `to_number` also set
   * `call_data.from` and `call_data.to`. Plivo supports only letters and digits, Exotel none.
   * @default {}
   */
  @Accepts(
    'must be an object of strings, or a function that returns one',
    (value) => typeof value === 'function' || isStringRecord(value),
  )
  customParameters?:
    Record<string, string> | ((webhook: WebhookFields, carrier: string) => Record<string, string>) =
    {};
  /**
   * Timeout of a carrier's handshake, in milliseconds.
   * @default 10_000
   */
  @Milliseconds(1)
  handshakeTimeoutMs?: number = 10_000;
  /**
   * Keep-alive interval of pings, in milliseconds, for carriers that answer them. A connection silent for two
   * intervals is closed. 0 disables pings.
   * @default 30_000
   */
  @Milliseconds(0)
  pingIntervalMs?: number = 30_000;
  /**
   * Carrier XML that refuses a call while the runner is draining, overloaded or at capacity, by carrier: `<Response>…</Response>`.
   * May redirect to another number or instance.
   * @default {} (spoken: "All lines are busy. Please call again in a few minutes.")
   */
  @ValidatedBy(busyXmlProblem)
  busyXml?: Readonly<Record<string, string>> = {};
  /** Carrier accounts. With them `transport.hangUp()` ends the call itself, and not only its connection. @default {} */
  @ValidatedBy((value, { carriers }: WithCarriers) => checkCredentials(value, carriers))
  credentials?: TelephonyCredentials = {};
  /**
   * Keys of the carriers' webhook signatures. A webhook of a carrier with a key is answered 401 unless its signature is valid.
   * `false` disables verification. Once there are keys, calls at `/ws` need the token of a webhook's answer or of `POST /start`: {@link openCarriers}.
   * @default the auth tokens of Twilio and Plivo in `credentials`
   */
  @ValidatedBy((value, { carriers }: WithCarriers) => checkWebhookKeys(value, carriers))
  webhookKeys?: WebhookKeys | false;
  /**
   * Carriers whose calls anyone can start, although the webhooks of a carrier are verified: `/ws` takes them without a token, and webhooks that have
   * no key are answered. For carriers that sign nothing (`exotel`, `vonage`), and for documents of your own that name `/ws` directly.
   * @default []
   */
  @ValidatedBy(openCarriersProblem)
  openCarriers?: readonly string[] = [];
  /**
   * Codec of the bot's audio to Telnyx: `PCMU` and `PCMA` at 8 kHz, `G722` and `L16` at 16. Audio from Telnyx uses the codec of the call.
   * @default 'PCMU'
   */
  @IsAmong(...TELNYX_ENCODINGS)
  telnyxEncoding?: TelnyxEncoding = 'PCMU';
  /**
   * Byte order of L16 from and to Telnyx, which Telnyx does not document: `little` (little-endian), as calls show it, or `big`, the network byte
   * order of RFC 3551. The wrong one is heard as loud noise.
   * @default 'little'
   */
  @IsAmong(...BYTE_ORDERS)
  telnyxL16ByteOrder?: ByteOrder = 'little';
  /**
   * Codec of a Plivo call, both ways.
   * @default 'audio/x-mulaw;rate=8000'
   */
  @IsAmong(...PLIVO_CONTENT_TYPES)
  plivoContentType?: PlivoContentType = 'audio/x-mulaw;rate=8000';
  /**
   * Peers of `/ws` that match no carrier within two messages, or are silent for 1 s. `'bot'`: starts the bot with `transport_type`
   * unset and all received messages; `'refuse'`: closes with close code 1008.
   * @default 'refuse'
   */
  @IsAmong('bot', 'refuse')
  unknownCallers?: 'bot' | 'refuse' = 'refuse';
  /**
   * Continues calls whose media WebSocket broke, such as by a crash of the process or the node: Twilio asks the webhook again, and the call gets a new session,
   * whose bot finds the id of the one before as `resumed_session_id` in `call_data.body`. At most three times for each call, and not after a session that
   * ended as `completed`, `stopped` or `too_long`: then the call ends. Incoming calls of Twilio only.
   * @default false
   */
  @IsFlag()
  resumeCalls?: boolean = false;
  /**
   * Accepts Pipecat's eval harness (`pipecat eval`) on `/ws`. It simulates the user and may write to the memory of bots that
   * support it, so it is for testing.
   * @default false
   */
  @IsFlag()
  evals?: boolean = false;
}

/** {@link TelephonyOptions} with their defaults. */
export type ResolvedTelephonyOptions = WithDefaults<TelephonyOptions, 'publicUrl' | 'webhookKeys'>;

/** The carriers decide which accounts, keys and documents are valid. */
class WithCarriers extends TelephonyOptions {
  constructor(readonly carriers: Carriers) {
    super();
  }
}

/** Fills in the defaults. */
export const resolveTelephonyOptions = (
  options: TelephonyOptions,
  carriers = BUILT_IN,
): ResolvedTelephonyOptions =>
  resolveOptions('TelephonyModule', new WithCarriers(carriers), options, [
    'webhookPath',
    'carrier',
    'carriers',
  ]);
