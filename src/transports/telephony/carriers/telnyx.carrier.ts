import { TelnyxCallData } from '../dto/telnyx-call-data.dto.js';
import { type Carrier, mediaPayload, objectIn, sipHeadersIn, textIn } from './carrier.js';
import { connectStream } from './xml.js';

/** Telnyx media streaming, RTP mode: https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming. */
export const telnyx: Carrier = {
  name: 'telnyx',
  answersPings: true,

  webhookAnswer: (input) => connectStream(input, ' bidirectionalMode="rtp"'),

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
    });
  },

  media: {
    encoding: 'audio/x-mulaw',
    sampleRateHz: 8_000,
    read: mediaPayload,
    write: (_streamId, payload) => ({ event: 'media', media: { payload } }),
  },
};
