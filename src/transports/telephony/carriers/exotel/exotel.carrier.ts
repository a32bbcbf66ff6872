import { OptionalString } from '../../../../validation/optional-fields.decorators.js';
import { ALAW, MULAW } from '../../../../media/codecs/g711.js';
import { isAudioRate } from '../../../../media/pcm.js';
import {
  type JsonMessage,
  numberIn,
  objectIn,
  textIn,
} from '../../../../media/serializers/json-message.js';
import { sipHeadersIn } from '../call-parameters.js';
import type { Carrier } from '../carrier.js';
import { type CarrierDialect, hexId, jsonDialect } from '../carrier-dialect.js';
import { type AudioCodec, L16 } from '../../../../media/codecs/audio-codec.js';
import { JsonCarrierSerializer } from '../json-carrier.serializer.js';
import { IsOptional, ValidateBy } from 'class-validator';
import { CallData } from '../../../../bot/call-data.js';
import { WireClass } from '../../../../bot/wire-classes.js';
import { ApiField } from '../../../../validation/api-field.decorator.js';
import { Verbatim } from '../../../../validation/verbatim.decorator.js';

/** Call data from Exotel. */
@WireClass('ExotelCallData')
export class ExotelCallData extends CallData {
  /** Id of the Exotel account. */
  @OptionalString('The id of the Exotel account.')
  account_sid?: string;

  /** Custom data from the Voicebot applet, as text or as an object. */
  @Verbatim()
  @IsOptional()
  @ValidateBy({
    name: 'isStringOrObject',
    validator: {
      validate: (value) =>
        typeof value === 'string' ||
        (typeof value === 'object' && value !== null && !Array.isArray(value)),
      defaultMessage: () => 'custom_parameters must be a string or an object',
    },
  })
  @ApiField({
    required: false,
    type: Object,
    oneOf: [{ type: 'string' }, { type: 'object', additionalProperties: true }],
    description: 'Custom data from the Voicebot applet, as text or as an object.',
  })
  custom_parameters?: string | Record<string, unknown>;

  constructor(init: Partial<ExotelCallData> = {}) {
    super(init);
  }
}

/** Smallest media message that Exotel accepts, in bytes. Larger ones must be a multiple of 320, below 100 kB. */
const MESSAGE_BYTES = 3_200;

/**
 * Serializer for Exotel's Voicebot applet, 16-bit PCM at the announced rate, µ-law or A-law:
 * https://developer.exotel.com/docs/agentstream/stream-voicebot-applet.
 */
export class ExotelSerializer extends JsonCarrierSerializer {
  constructor(stream_sid: string, codec: AudioCodec) {
    super({
      codecs: { in: codec, out: codec },
      stream: { stream_sid },
      chunkSamples: MESSAGE_BYTES / (codec instanceof L16 ? 2 : 1),
    });
  }
}

/** https://developer.exotel.com/docs/agentstream/stream-voicebot-applet */
export const exotelDialect: CarrierDialect = {
  ...jsonDialect('stream_sid', 'sequence_number', 'call_sid'),
  encoding: 'l16',
  newIds: () => ({ streamId: hexId(), callId: hexId() }),
  handshake: ({ streamId, callId, from, to, customParameters }) => [
    { event: 'connected' },
    {
      event: 'start',
      sequence_number: 1,
      stream_sid: streamId,
      start: {
        stream_sid: streamId,
        call_sid: callId,
        account_sid: 'exotel1',
        from,
        to,
        custom_parameters: customParameters,
        media_format: { encoding: 'base64', sample_rate: '8000', bit_rate: '128kbps' },
      },
    },
  ],
};

/** Exotel, bidirectional Voicebot applet: https://developer.exotel.com/docs/agentstream/stream-voicebot-applet. */
export const exotel: Carrier<'exotel'> = {
  name: 'exotel',
  dialect: exotelDialect,
  urlSetting: 'the Voicebot applet of your flow in the Exotel App Bazaar',

  identify(message) {
    const start = objectIn(message, 'start');
    const stream_id = textIn(start, 'stream_sid');
    const call_id = textIn(start, 'call_sid');
    const account_sid = textIn(start, 'account_sid');
    if (message.event !== 'start' || !stream_id || !call_id || !account_sid) return undefined;
    const custom = objectIn(start, 'custom_parameters');
    return new ExotelCallData({
      stream_id,
      call_id,
      account_sid,
      from: textIn(start, 'from'),
      to: textIn(start, 'to'),
      sip_headers: sipHeadersIn(custom),
      custom_parameters:
        textIn(start, 'custom_parameters') ?? (Object.keys(custom).length > 0 ? custom : undefined),
      media_format: start.media_format,
    });
  },

  serializer(call) {
    return new ExotelSerializer(call.stream_id ?? '', codecOf(objectIn(call, 'media_format')));
  },
};

/** Returns the announced codec, such as `audio/x-raw` with a `sample_rate`, or `audio/x-mulaw;rate=8000`. Exotel's default is L16 at 8 kHz. */
function codecOf(format: JsonMessage): AudioCodec {
  const encoding = textIn(format, 'encoding') ?? '';
  if (/mu-?law|ulaw|pcmu/i.test(encoding)) return MULAW;
  if (/a-?law|pcma/i.test(encoding)) return ALAW;
  const rate = textIn(format, 'sample_rate') ?? /rate=(\d+)/.exec(encoding)?.[1];
  const rateHz = rate === undefined ? numberIn(format, 'sample_rate') : parseInt(rate, 10);
  return new L16(isAudioRate(rateHz) ? rateHz : 8_000);
}
