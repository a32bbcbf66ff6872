import { ExotelCallData } from '../dto/exotel-call-data.dto.js';
import { numberIn, objectIn, textIn } from '../../../media/serializers/carrier-message.js';
import { ExotelSerializer } from '../../../media/serializers/exotel.serializer.js';
import { type Carrier, sipHeadersIn } from './carrier.js';

/** Exotel, bidirectional Voicebot applet: https://developer.exotel.com/docs/agentstream/stream-voicebot-applet. */
export const exotel: Carrier = {
  name: 'exotel',
  answersPings: true,

  // Exotel asks no webhook what to do: the WebSocket's URL is entered in its console.
  webhookAnswer: ({ wsUrl }) => ({
    contentType: 'application/json; charset=utf-8',
    body: JSON.stringify({
      error: 'Exotel calls no webhook.',
      websocket_url: wsUrl,
      note: 'Enter this WebSocket URL in the Voicebot applet of your flow in the Exotel App Bazaar.',
    }),
  }),

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
    const rateHz = numberIn(objectIn(call, 'media_format'), 'sample_rate');
    return new ExotelSerializer(call.stream_id ?? '', RATES_HZ.includes(rateHz) ? rateHz : 8_000);
  },
};

const RATES_HZ = [8_000, 16_000, 24_000];
