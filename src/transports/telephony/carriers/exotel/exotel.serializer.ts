import { type AudioCodec, L16 } from '../../../../media/codecs/audio-codec.js';
import { MULAW } from '../../../../media/codecs/g711.js';
import { JsonCarrierSerializer } from '../json-carrier.serializer.js';

/** Smallest media message that Exotel accepts, in bytes. Larger ones must be a multiple of 320, below 100 kB. */
const MESSAGE_BYTES = 3_200;

/**
 * Serializer for Exotel's Voicebot applet, 16-bit PCM at 8, 16 or 24 kHz, or µ-law:
 * https://developer.exotel.com/docs/agentstream/stream-voicebot-applet.
 */
export class ExotelSerializer extends JsonCarrierSerializer {
  constructor(stream_sid: string, sampleRateHz: number, codec: AudioCodec = new L16(sampleRateHz)) {
    super({
      codecs: { in: codec, out: codec },
      stream: { stream_sid },
      chunkSamples: MESSAGE_BYTES / (codec === MULAW ? 1 : 2),
    });
  }
}
