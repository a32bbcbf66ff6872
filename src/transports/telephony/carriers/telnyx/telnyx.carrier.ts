import {
  OptionalChoice,
  OptionalString,
} from '../../../../validation/optional-fields.decorators.js';
import { BYTE_ORDERS, type ByteOrder } from '../../../../media/codecs/audio-codec.js';
import { MediaUnavailableError } from '../../../../bot/session-end.js';
import { isAudioRate } from '../../../../media/pcm.js';
import { numberIn, objectIn, textIn } from '../../../../media/serializers/json-message.js';
import { RunnerError } from '../../../../errors/runner.error.js';
import { type ApiRequest, objectOf, type Carrier } from '../carrier.js';
import { sipHeadersIn } from '../call-parameters.js';
import { BUSY_XML, connectStream, dialTarget, REFUSAL_XML } from '../xml.js';
import {
  TELNYX_ENCODINGS,
  type TelnyxEncoding,
  TELNYX_L16_HZ,
  TelnyxSerializer,
} from './telnyx.serializer.js';
import { isTelnyxKey, verifyTelnyx } from './telnyx.signature.js';
import { type CarrierDialect, hexId, jsonDialect } from '../carrier-dialect.js';
import { CallData } from '../../../../bot/call-data.js';
import { WireClass } from '../../../../bot/wire-classes.js';

/** Call data from Telnyx. */
@WireClass('TelnyxCallData')
export class TelnyxCallData extends CallData {
  /** Codec of the audio from Telnyx: `PCMU`, `PCMA`, … Named from Telnyx's side, as in Pipecat. */
  @OptionalString('The codec of the audio from Telnyx.', { example: 'PCMU' })
  outbound_encoding?: string;

  /** Codec of the audio to Telnyx. */
  @OptionalString('The codec of the audio to Telnyx.', { example: 'PCMU' })
  inbound_encoding?: string;

  /** Byte order of L16, where it is not little-endian. */
  @OptionalChoice(BYTE_ORDERS, 'The byte order of L16, where it is not little-endian.')
  l16_byte_order?: ByteOrder;

  constructor(init: Partial<TelnyxCallData> = {}) {
    super(init);
  }
}

/** https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming */
export const telnyxDialect: CarrierDialect = {
  ...jsonDialect('stream_id', 'sequence_number', 'call_control_id'),
  tellsNumbers: true,
  newIds: () => ({ streamId: crypto.randomUUID(), callId: `v3:${hexId()}` }),
  handshake: ({ streamId, callId, from, to, customParameters }) => [
    { event: 'connected', version: '1.0.0' },
    {
      event: 'start',
      sequence_number: '1',
      stream_id: streamId,
      start: {
        call_control_id: callId,
        call_session_id: crypto.randomUUID(),
        from,
        to,
        custom_parameters: customParameters,
        media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 },
      },
    },
  ],
};

/** Telnyx account: `TELNYX_API_KEY`. */
export interface TelnyxAccount {
  readonly apiKey: string;
  /**
   * Id of the account. Required for outbound calls, and for transferring calls answered with TeXML, as by this webhook. Without it transfers use
   * call commands.
   */
  readonly accountSid?: string;
  /** Id of the TeXML application for outbound calls. */
  readonly applicationId?: string;
  /** @default 'https://api.telnyx.com/v2' */
  readonly apiUrl?: string;
}

/** Telnyx media streaming, RTP mode: https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming. */
export const telnyx: Carrier<'telnyx', TelnyxAccount> = {
  name: 'telnyx',
  dialect: telnyxDialect,

  webhook: {
    connectXml(input) {
      const { telnyxEncoding } = input.formats;
      // PCMU is Telnyx' default.
      const codec = telnyxEncoding === 'PCMU' ? '' : ` bidirectionalCodec="${telnyxEncoding}"`;
      const rate = telnyxEncoding === 'L16' ? ` bidirectionalSamplingRate="${TELNYX_L16_HZ}"` : '';
      return connectStream(input, ` bidirectionalMode="rtp"${codec}${rate}`);
    },
    callIdField: 'CallSid',
    busyXml: BUSY_XML,
    refusalXml: REFUSAL_XML,
    signature: {
      verify: verifyTelnyx,
      // Signs the time as well.
      deliveryHeader: 'telnyx-signature-ed25519',
      env: 'TELNYX_PUBLIC_KEY',
      check: (key) =>
        isTelnyxKey(key) ? undefined : "the account's public key: 32 bytes in base64",
    },
  },

  account: {
    required: { apiKey: 'TELNYX_API_KEY' },
    optional: { apiUrl: '', accountSid: '', applicationId: '' },
  },

  noteFormat(call, { telnyxEncoding, telnyxL16ByteOrder }) {
    call.inbound_encoding ??= telnyxEncoding;
    if (telnyxL16ByteOrder === 'big') call.l16_byte_order = telnyxL16ByteOrder;
  },

  identify(message) {
    const start = objectIn(message, 'start');
    const stream_id = textIn(message, 'stream_id');
    const call_id = textIn(start, 'call_control_id');
    if (!stream_id || !call_id) return undefined;
    const body = objectIn(start, 'custom_parameters');
    return new TelnyxCallData({
      stream_id,
      call_id,
      outbound_encoding: textIn(objectIn(start, 'media_format'), 'encoding'),
      from: textIn(start, 'from'),
      to: textIn(start, 'to'),
      body,
      sip_headers: sipHeadersIn(body),
      media_format: start.media_format,
    });
  },

  serializer(call) {
    const rateHz = numberIn(objectIn(call, 'media_format'), 'sample_rate');
    return new TelnyxSerializer({
      from: encodingOf(call.outbound_encoding, 'sends'),
      to: encodingOf(call.inbound_encoding, 'takes'),
      fromL16Hz: isAudioRate(rateHz) ? rateHz : undefined,
      l16ByteOrder: call.l16_byte_order === 'big' ? 'big' : 'little',
    });
  },

  /**
   * Call commands, https://developers.telnyx.com/api-reference/call-commands/hangup-call and /transfer-call; with an account id TeXML:
   * https://developers.telnyx.com/api-reference/texml-rest-commands/initiate-an-outbound-call and /update-call.
   */
  callApi({ apiKey, apiUrl = 'https://api.telnyx.com/v2', accountSid, applicationId }) {
    const command = (callControlId: string, name: string, body: object): ApiRequest => ({
      method: 'POST',
      path: `/calls/${encodeURIComponent(callControlId)}/actions/${name}`,
      body,
    });
    return {
      baseUrl: apiUrl,
      authorization: `Bearer ${apiKey}`,
      secret: apiKey,
      endCall: (callControlId) => command(callControlId, 'hangup', {}),
      // "Call has already ended": https://developers.telnyx.com/api/errors/90018.
      isOver: (status, answer) =>
        status === 422 &&
        [objectOf(answer).errors].flat().some((error) => objectOf(error).code === '90018'),
      // A call answered with TeXML ends with its document, so a transfer replaces the document.
      transferCall: ({ callId, target, callerId }) =>
        accountSid === undefined
          ? command(callId, 'transfer', { to: target.address, from: callerId })
          : {
              method: 'POST',
              path: `/texml/Accounts/${encodeURIComponent(accountSid)}/Calls/${encodeURIComponent(callId)}`,
              form: { Texml: dialTarget(target, callerId) },
            },
      placeCall({ to, from, xml, ringTimeoutSeconds, extra }) {
        if (accountSid === undefined || applicationId === undefined) {
          throw new RunnerError(
            'TRANSPORT_UNAVAILABLE',
            'Placing calls with Telnyx takes credentials.telnyx.accountSid, and the id of a TeXML application as applicationId.',
          );
        }
        return {
          method: 'POST',
          path: `/texml/Accounts/${encodeURIComponent(accountSid)}/Calls`,
          body: {
            ...extra,
            ApplicationSid: applicationId,
            To: to.address,
            From: from.address,
            Texml: xml,
            Timeout: ringTimeoutSeconds,
          },
        };
      },
      placedCallId(answer) {
        const answered = objectOf(answer);
        return textIn(answered, 'call_sid') ?? textIn(objectIn(answered, 'data'), 'call_sid');
      },
    };
  },
};

/** @throws {MediaUnavailableError} for an unsupported encoding. The default is PCMU */
function encodingOf(name: unknown, does: 'sends' | 'takes'): TelnyxEncoding {
  const encoding = TELNYX_ENCODINGS.find((one) => one === (name ?? 'PCMU'));
  if (encoding) return encoding;
  throw new MediaUnavailableError(
    `Telnyx ${does} this call as '${String(name).slice(0, 40)}'; understood are ${TELNYX_ENCODINGS.join(', ')}.`,
  );
}
