import { bytesFromPcm, readPcm } from '../pcm.js';

/** Audio codec of one direction of a call. Codecs may be stateful. */
export interface AudioCodec {
  readonly sampleRateHz: number;
  /** @returns the samples; `undefined` for malformed bytes */
  decode(bytes: Buffer): Int16Array | undefined;
  encode(pcm: Int16Array): Buffer;
}

/** Byte orders of {@link L16}. */
export const BYTE_ORDERS = ['little', 'big'] as const;
export type ByteOrder = (typeof BYTE_ORDERS)[number];

/** Linear 16-bit PCM, little-endian, as carriers send it over WebSockets, or in RFC 3551's network byte order. */
export class L16 implements AudioCodec {
  constructor(
    readonly sampleRateHz: number,
    private readonly byteOrder: ByteOrder = 'little',
  ) {}

  decode(bytes: Buffer): Int16Array | undefined {
    return bytes.length % 2 === 0 ? readPcm(this.ordered(bytes)) : undefined;
  }

  encode(pcm: Int16Array): Buffer {
    return this.ordered(bytesFromPcm(pcm));
  }

  private ordered(bytes: Buffer): Buffer {
    return this.byteOrder === 'little' ? bytes : Buffer.from(bytes).swap16();
  }
}
