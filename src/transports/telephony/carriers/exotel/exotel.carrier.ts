import { MULAW } from '../../../../media/codecs/g711.js';
import { numberIn, objectIn, textIn } from '../../../../media/serializers/json-message.js';
import { sipHeadersIn } from '../call-parameters.js';
import type { Carrier } from '../carrier.js';
import { ExotelCallData } from './exotel-call-data.dto.js';
import { exotelDialect } from './exotel.dialect.js';
import { ExotelSerializer } from './exotel.serializer.js';

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
    const format = objectIn(call, 'media_format');
    const stream = call.stream_id ?? '';
    if (/mu-?law|ulaw|pcmu/i.test(textIn(format, 'encoding') ?? '')) {
      return new ExotelSerializer(stream, MULAW.sampleRateHz, MULAW);
    }
    const rateHz = numberIn(format, 'sample_rate');
    return new ExotelSerializer(stream, RATES_HZ.includes(rateHz) ? rateHz : 8_000);
  },
};

const RATES_HZ = [8_000, 16_000, 24_000];
