import { bytesFromPcm, readPcm } from '../pcm.js';

/** Audio codec of one direction of a call. Codecs may be stateful. */
export interface AudioCodec {
  readonly sampleRateHz: number;
  /** @returns the samples; `undefined` for malformed bytes */
  decode(bytes: Buffer): Int16Array | undefined;
  encode(pcm: Int16Array): Buffer;
}

/** Linear 16-bit PCM, little-endian, as carriers send it over WebSockets (not RFC 3551's network byte order). */
export class L16 implements AudioCodec {
  constructor(readonly sampleRateHz: number) {}

  decode(bytes: Buffer): Int16Array | undefined {
    return bytes.length % 2 === 0 ? readPcm(bytes) : undefined;
  }

  encode(pcm: Int16Array): Buffer {
    return bytesFromPcm(pcm);
  }
}
