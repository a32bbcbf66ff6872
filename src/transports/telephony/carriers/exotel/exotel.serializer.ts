import type { AudioCodec } from '../../../../media/codecs/audio-codec.js';
import { MULAW } from '../../../../media/codecs/g711.js';
import { L16 } from '../../../../media/codecs/l16.js';
import { JsonCarrierSerializer } from '../json-carrier.serializer.js';

/** The least Exotel takes in a message, in bytes; more must be a multiple of 320, and less than 100 kB. */
const MESSAGE_BYTES = 3_200;

/** Exotel's Voicebot applet, 16-bit samples at 8, 16 or 24 kHz, or µ-law: https://developer.exotel.com/docs/agentstream/stream-voicebot-applet. */
export class ExotelSerializer extends JsonCarrierSerializer {
  constructor(
    private readonly streamSid: string,
    sampleRateHz: number,
    codec: AudioCodec = new L16(sampleRateHz),
  ) {
    super({
      codecs: { in: codec, out: codec },
      media: [
        `{"event":"media","stream_sid":${JSON.stringify(streamSid)},"media":{"payload":"`,
        '"}}',
      ],
      chunkSamples: MESSAGE_BYTES / (codec === MULAW ? 1 : 2),
    });
  }

  clear(): string {
    return JSON.stringify({ event: 'clear', stream_sid: this.streamSid });
  }

  mark(name: string): string {
    return JSON.stringify({ event: 'mark', stream_sid: this.streamSid, mark: { name } });
  }
}
