import { CallData } from '../../../../bot/call-data.js';
import { isAudioRate } from '../../../../media/pcm.js';
import { MediaUnavailableError } from '../../../../bot/session-end.js';
import { textIn } from '../../../../media/serializers/json-message.js';
import type { Carrier } from '../carrier.js';
import { VonageSerializer } from './vonage.serializer.js';
import type { CarrierDialect } from '../carrier-dialect.js';

/** https://developer.vonage.com/en/voice/voice-api/guides/websockets */
export const vonageDialect: CarrierDialect = {
  encoding: 'l16',
  newIds: () => ({ streamId: crypto.randomUUID(), callId: crypto.randomUUID() }),
  handshake: ({ streamId, callId, from, to, customParameters }) => [
    {
      event: 'websocket:connected',
      'content-type': 'audio/l16;rate=8000',
      stream_id: streamId,
      call_id: callId,
      ...(from !== undefined && { from_number: from }),
      ...(to !== undefined && { to_number: to }),
      ...customParameters,
    },
  ],
  dtmf: (_, digit) => ({ event: 'websocket:dtmf', digit, duration: 260 }),
  eventOf: ({ action }) => action,
  markOf: ({ action, payload }) => (action === 'notify' ? JSON.stringify(payload) : undefined),
  played: (_, payload) => ({ event: 'websocket:notify', payload: JSON.parse(payload) as unknown }),
  clearEvent: 'clear',
  cleared: () => ({ event: 'websocket:cleared' }),
  returnsMarks: false,
};

/**
 * Vonage: the Audio Connector of its Video API, https://developer.vonage.com/en/video/guides/audio-connector, and the WebSockets of its Voice API,
 * https://developer.vonage.com/en/voice/voice-api/guides/websockets. Custom headers become the `body` of the call.
 */
export const vonage: Carrier<'vonage'> = {
  name: 'vonage',
  dialect: vonageDialect,
  urlSetting: "the request that connects the call, as its websocket's uri",

  identify(message) {
    const { event, 'content-type': contentType, ...body } = message;
    if (event !== 'websocket:connected' || typeof contentType !== 'string') return undefined;
    // Vonage has no field for the ids and numbers. By convention headers of these names carry them.
    return new CallData({
      stream_id: textIn(body, 'stream_id'),
      call_id: textIn(body, 'call_id'),
      from: textIn(body, 'from_number'),
      to: textIn(body, 'to_number'),
      body,
      content_type: contentType,
    });
  },

  serializer({ content_type }) {
    const rateHz = Number(/^audio\/l16;\s*rate=(\d+)$/i.exec(String(content_type))?.[1]);
    if (isAudioRate(rateHz)) return new VonageSerializer(rateHz);
    throw new MediaUnavailableError(
      `Vonage sends this call as '${String(content_type).slice(0, 40)}'; understood is audio/l16;rate=16000, or another rate.`,
    );
  },
};
