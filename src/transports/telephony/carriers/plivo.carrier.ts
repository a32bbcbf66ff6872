import { CallData } from '../../../bot/call-data.js';
import { type Carrier, mediaPayload, objectIn, textIn } from './carrier.js';
import { escapeXml, xmlAnswer } from './xml.js';

/** Plivo, bidirectional `<Stream>`: https://docs.plivo.com/docs/voice/xml/audiostream. */
export const plivo: Carrier = {
  name: 'plivo',
  answersPings: true,

  webhookAnswer: ({ wsUrl }) =>
    xmlAnswer(
      '<Response><Stream bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000">' +
        `${escapeXml(wsUrl)}</Stream></Response>`,
    ),

  identify(message) {
    const start = objectIn(message, 'start');
    const stream_id = textIn(start, 'streamId');
    const call_id = textIn(start, 'callId');
    if (!stream_id || !call_id) return undefined;
    const extra_headers = message.extra_headers ?? start.extra_headers;
    return new CallData({ stream_id, call_id, extra_headers });
  },

  media: {
    encoding: 'audio/x-mulaw',
    sampleRateHz: 8_000,
    read: mediaPayload,
    // Plivo's page has no streamId here; Pipecat's own serializer sends it.
    write: (streamId, payload) => ({
      event: 'playAudio',
      streamId,
      media: { contentType: 'audio/x-mulaw', sampleRate: 8_000, payload },
    }),
  },
};
