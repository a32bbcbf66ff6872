import { CallData } from '../../../bot/call-data.js';
import { type Carrier, mediaPayload, objectIn, sipHeadersIn, textIn } from './carrier.js';
import { connectStream } from './xml.js';

/** Twilio, `<Connect><Stream>`: https://www.twilio.com/docs/voice/media-streams/websocket-messages. */
export const twilio: Carrier = {
  name: 'twilio',
  answersPings: true,

  webhookAnswer: (input) => connectStream(input),

  identify(message) {
    const start = objectIn(message, 'start');
    const stream_id = textIn(start, 'streamSid');
    const call_id = textIn(start, 'callSid');
    if (message.event !== 'start' || !stream_id || !call_id) return undefined;
    const body = objectIn(start, 'customParameters');
    // Twilio has no field for the numbers; by convention they come as parameters of these names.
    return new CallData({
      stream_id,
      call_id,
      body,
      from: textIn(body, 'from_number'),
      to: textIn(body, 'to_number'),
      sip_headers: sipHeadersIn(body),
    });
  },

  media: {
    encoding: 'audio/x-mulaw',
    sampleRateHz: 8_000,
    read: mediaPayload,
    write: (streamSid, payload) => ({ event: 'media', streamSid, media: { payload } }),
  },
};
