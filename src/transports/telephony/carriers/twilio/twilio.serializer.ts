import { MULAW } from '../../../../media/codecs/g711.js';
import { JsonCarrierSerializer } from '../json-carrier.serializer.js';

/** Serializer for Twilio Media Streams: https://www.twilio.com/docs/voice/media-streams/websocket-messages. */
export class TwilioSerializer extends JsonCarrierSerializer {
  constructor(streamSid: string) {
    super({ codecs: { in: MULAW, out: MULAW }, stream: { streamSid } });
  }
}
