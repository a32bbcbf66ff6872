import { L16 } from '../codecs/l16.js';
import { asJson } from './carrier-message.js';
import { CarrierSerializer } from './carrier.serializer.js';

/** The least Exotel takes in a message, in bytes; more must be a multiple of 320, and less than 100 kB. */
const MESSAGE_BYTES = 3_200;

/** Exotel's Voicebot applet, 16-bit samples at 8, 16 or 24 kHz: https://developer.exotel.com/docs/agentstream/stream-voicebot-applet. */
export class ExotelSerializer extends CarrierSerializer {
  constructor(
    private readonly streamSid: string,
    sampleRateHz: number,
  ) {
    const codec = new L16(sampleRateHz);
    super({
      codecs: { in: codec, out: codec },
      media: [
        `{"event":"media","stream_sid":${JSON.stringify(streamSid)},"media":{"payload":"`,
        '"}}',
      ],
      chunkSamples: MESSAGE_BYTES / 2,
    });
  }

  clear(): Buffer {
    return asJson({ event: 'clear', stream_sid: this.streamSid });
  }

  mark(name: string): Buffer {
    return asJson({ event: 'mark', stream_sid: this.streamSid, mark: { name } });
  }
}
