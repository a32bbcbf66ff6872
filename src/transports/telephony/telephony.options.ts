import { PLIVO_CONTENT_TYPES, type PlivoContentType } from './carriers/plivo/plivo.serializer.js';
import { TELNYX_ENCODINGS, type TelnyxEncoding } from './carriers/telnyx/telnyx.serializer.js';
import { checkPublicUrl } from '../../runner.options.js';
import { checkOptions, milliseconds, trueOrFalse } from '../../validation/options.js';
import { BUILT_IN, type Carriers } from './carriers/index.js';
import { checkCredentials, type TelephonyCredentials } from './telephony-credentials.js';
import { checkWebhookKeys, type WebhookKeys } from './webhook-keys.js';

/** Form fields or JSON of a carrier's webhook, unchanged. */
export type WebhookFields = Record<string, unknown>;

/** Options of {@link TelephonyModule}. */
export interface TelephonyOptions {
  /**
   * Public host name (or URL) of this runner for carriers.
   * @default the runner's own `publicUrl`, else the host of each request
   */
  publicUrl?: string;
  /**
   * Parameters that the carrier returns when it connects, in `call_data.body`. `from_number` and `to_number` also set
   * `call_data.from` and `call_data.to`. Plivo supports only letters and digits, Exotel none.
   * @default none
   */
  customParameters?:
    Record<string, string> | ((webhook: WebhookFields, carrier: string) => Record<string, string>);
  /**
   * Timeout of a carrier's handshake, in milliseconds.
   * @default 10_000
   */
  handshakeTimeoutMs?: number;
  /**
   * Keep-alive interval of pings, in milliseconds, for carriers that answer them. A connection silent for two
   * intervals is closed. 0 disables pings.
   * @default 30_000
   */
  pingIntervalMs?: number;
  /**
   * Carrier XML that refuses a call while the runner is draining, overloaded or at capacity, by carrier: `<Response>…</Response>`.
   * May redirect to another number or instance.
   * @default spoken: "All lines are busy. Please call again in a few minutes."
   */
  busyXml?: Readonly<Record<string, string>>;
  /** Carrier accounts. With them `transport.hangUp()` ends the call itself, and not only its connection. */
  credentials?: TelephonyCredentials;
  /**
   * Keys of the carriers' webhook signatures. A webhook of a carrier with a key is answered 401 unless its signature is valid.
   * `false` disables verification.
   * @default the auth tokens of Twilio and Plivo in `credentials`
   */
  webhookKeys?: WebhookKeys | false;
  /**
   * Codec of the bot's audio to Telnyx: `PCMU` and `PCMA` at 8 kHz, `G722` and `L16` at 16. Audio from Telnyx uses the codec of the call.
   * @default 'PCMU'
   */
  telnyxEncoding?: TelnyxEncoding;
  /**
   * Codec of a Plivo call, both ways.
   * @default 'audio/x-mulaw;rate=8000'
   */
  plivoContentType?: PlivoContentType;
  /**
   * Peers of `/ws` that match no carrier within two messages, or are silent for 1 s. `'bot'`: starts the bot with `transport_type`
   * unset and all received messages; `'refuse'`: closes with close code 1008.
   * @default 'refuse'
   */
  unknownCallers?: 'bot' | 'refuse';
  /**
   * Accepts Pipecat's eval harness (`pipecat eval`) on `/ws`. It simulates the user and may write to the memory of bots that
   * support it, so it is for testing.
   * @default false
   */
  evals?: boolean;
}

/** {@link TelephonyOptions} with their defaults. */
export type ResolvedTelephonyOptions = Required<
  Omit<TelephonyOptions, 'publicUrl' | 'webhookKeys'>
> &
  Pick<TelephonyOptions, 'publicUrl' | 'webhookKeys'>;

const oneOf =
  (values: readonly unknown[]) =>
  (value: unknown): string | undefined =>
    values.includes(value) ? undefined : `must be one of ${values.join(', ')}`;

const xmlByCarrier =
  (carriers: Carriers) =>
  (value: unknown): string | undefined =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(
      ([name, xml]) =>
        carriers.find(name)?.webhook !== undefined &&
        typeof xml === 'string' &&
        /^\s*<Response[\s/>]/.test(xml),
    )
      ? undefined
      : `must be an object of <Response> documents by the name of their carrier: ${carriers.all
          .flatMap(({ name, webhook }) => (webhook ? [name] : []))
          .join(', ')}`;

/** Fills in the defaults. */
export function resolveTelephonyOptions(
  options: TelephonyOptions,
  carriers = BUILT_IN,
): ResolvedTelephonyOptions {
  checkOptions(
    'TelephonyModule',
    options,
    {
      publicUrl: checkPublicUrl,
      customParameters: (value) =>
        typeof value === 'function' ||
        (typeof value === 'object' &&
          value !== null &&
          Object.values(value).every((v) => typeof v === 'string'))
          ? undefined
          : 'must be an object of strings, or a function that returns one',
      handshakeTimeoutMs: milliseconds(1),
      pingIntervalMs: milliseconds(0),
      busyXml: xmlByCarrier(carriers),
      credentials: (value) => checkCredentials(value, carriers),
      webhookKeys: (value) => checkWebhookKeys(value, carriers),
      telnyxEncoding: oneOf(TELNYX_ENCODINGS),
      plivoContentType: oneOf(PLIVO_CONTENT_TYPES),
      unknownCallers: oneOf(['bot', 'refuse']),
      evals: trueOrFalse,
    },
    ['webhookPath', 'carrier', 'carriers'],
  );
  return {
    publicUrl: options.publicUrl,
    customParameters: options.customParameters ?? {},
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? 10_000,
    pingIntervalMs: options.pingIntervalMs ?? 30_000,
    busyXml: options.busyXml ?? {},
    credentials: options.credentials ?? {},
    webhookKeys: options.webhookKeys,
    telnyxEncoding: options.telnyxEncoding ?? 'PCMU',
    plivoContentType: options.plivoContentType ?? 'audio/x-mulaw;rate=8000',
    unknownCallers: options.unknownCallers ?? 'refuse',
    evals: options.evals ?? false,
  };
}
