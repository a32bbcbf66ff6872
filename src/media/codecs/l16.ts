import { bytesFromPcm, readPcm } from '../pcm.js';
import type { AudioCodec } from './audio-codec.js';

/** Plain 16-bit samples, little-endian, as carriers send them over WebSockets (not RFC 3551's network order). */
export class L16 implements AudioCodec {
  constructor(readonly sampleRateHz: number) {}

  decode(bytes: Buffer): Int16Array | undefined {
    return bytes.length % 2 === 0 ? readPcm(bytes) : undefined;
  }

  encode(pcm: Int16Array): Buffer {
    return bytesFromPcm(pcm);
  }
}
