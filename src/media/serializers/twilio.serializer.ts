import { MULAW } from '../codecs/g711.js';
import { asJson } from './carrier-message.js';
import { CarrierSerializer } from './carrier.serializer.js';

/** Twilio Media Streams, both ways: https://www.twilio.com/docs/voice/media-streams/websocket-messages. */
export class TwilioSerializer extends CarrierSerializer {
  constructor(private readonly streamSid: string) {
    super({
      codecs: { in: MULAW, out: MULAW },
      media: [
        `{"event":"media","streamSid":${JSON.stringify(streamSid)},"media":{"payload":"`,
        '"}}',
      ],
    });
  }

  clear(): Buffer {
    return asJson({ event: 'clear', streamSid: this.streamSid });
  }

  mark(name: string): Buffer {
    return asJson({ event: 'mark', streamSid: this.streamSid, mark: { name } });
  }
}
