import { CallData } from '../../../../bot/call-data.js';
import { isAudioRate } from '../../../../media/pcm.js';
import { MediaUnavailableError } from '../../../../bot/session-end.js';
import { textIn } from '../../../../media/serializers/json-message.js';
import type { Carrier } from '../carrier.js';
import { vonageDialect } from './vonage.dialect.js';
import { VonageSerializer } from './vonage.serializer.js';

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
