import { PLIVO_CONTENT_TYPES, type PlivoContentType } from './carriers/plivo/plivo.serializer.js';
import { TELNYX_ENCODINGS, type TelnyxEncoding } from './carriers/telnyx/telnyx.serializer.js';
import { checkPublicUrl } from '../../runner.options.js';
import { checkOptions, milliseconds, trueOrFalse } from '../../validation/options.js';
import { BUILT_IN, type Carriers } from './carriers/index.js';
import { checkCredentials, type TelephonyCredentials } from './telephony-credentials.js';
import { checkWebhookKeys, type WebhookKeys } from './webhook-keys.js';

/** A carrier's webhook: its form fields or JSON, as they came. */
export type WebhookFields = Record<string, unknown>;

/** Options of {@link TelephonyModule}. */
export interface TelephonyOptions {
  /**
   * The host name (or URL) that carriers reach this runner under.
   * @default the runner's own `publicUrl`, else the host of each request
   */
  publicUrl?: string;
  /**
   * Parameters the carrier hands back when it connects, found in `call_data.body`. `from_number` and `to_number` also become
   * `call_data.from` and `call_data.to`. Plivo takes only letters and digits, and Exotel none.
   * @default none
   */
  customParameters?:
    Record<string, string> | ((webhook: WebhookFields, carrier: string) => Record<string, string>);
  /**
   * How long a carrier may take to say which call it brings, in milliseconds.
   * @default 10_000
   */
  handshakeTimeoutMs?: number;
  /**
   * How often carriers that answer pings are pinged, in milliseconds; one that stays silent for two of them is cut off.
   * 0 is off.
   * @default 30_000
   */
  pingIntervalMs?: number;
  /**
   * What answers a carrier's webhook while no call can be taken, because the runner is draining, overloaded or full: by the carrier's name
   * its XML, `<Response>…</Response>`, which may also redirect to another number or instance.
   * @default spoken: "All lines are busy. Please call again in a few minutes."
   */
  busyXml?: Readonly<Record<string, string>>;
  /** The carriers' accounts. With them `transport.hangUp()` ends a call itself, and not only its connection. */
  credentials?: TelephonyCredentials;
  /**
   * What the carriers sign their webhooks with. Of a carrier that is named here, a webhook without the right signature is answered 401.
   * `false` takes whatever comes.
   * @default the auth tokens of Twilio and Plivo in `credentials`
   */
  webhookKeys?: WebhookKeys | false;
  /**
   * How Telnyx is sent the bot's voice: `PCMU` and `PCMA` at 8 kHz, `G722` and `L16` at 16. What the caller says comes in the codec of
   * the call.
   * @default 'PCMU'
   */
  telnyxEncoding?: TelnyxEncoding;
  /**
   * How Plivo codes a call, both ways.
   * @default 'audio/x-mulaw;rate=8000'
   */
  plivoContentType?: PlivoContentType;
  /**
   * Peers of `/ws` that no carrier claims within two messages, or that send nothing for a second. `'bot'`: the bot gets them, with `transport_type`
   * unset and every message they have sent; `'refuse'`: they are closed on (1008).
   * @default 'refuse'
   */
  unknownCallers?: 'bot' | 'refuse';
  /**
   * Whether Pipecat's eval harness (`pipecat eval`) is let in on `/ws`, beside the carriers. It plays the user, and may put words into the
   * memory of bots that support that, so it is for testing.
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
