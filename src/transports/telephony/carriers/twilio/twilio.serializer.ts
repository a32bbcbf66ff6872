import { MULAW } from '../../../../media/codecs/g711.js';
import { JsonCarrierSerializer } from '../json-carrier.serializer.js';

/** Twilio Media Streams, both ways: https://www.twilio.com/docs/voice/media-streams/websocket-messages. */
export class TwilioSerializer extends JsonCarrierSerializer {
  constructor(private readonly streamSid: string) {
    super({
      codecs: { in: MULAW, out: MULAW },
      media: [
        `{"event":"media","streamSid":${JSON.stringify(streamSid)},"media":{"payload":"`,
        '"}}',
      ],
    });
  }

  clear(): string {
    return JSON.stringify({ event: 'clear', streamSid: this.streamSid });
  }

  mark(name: string): string {
    return JSON.stringify({ event: 'mark', streamSid: this.streamSid, mark: { name } });
  }
}
