import { allocatePcm } from '../pcm.js';
import type { AudioCodec } from './audio-codec.js';

/**
 * G.711 codec by lookup table: one byte a sample at 8 kHz. Bit-exact with the ITU's reference software (Recommendation G.191) for
 * all 65,536 samples and 256 codes.
 */
class G711 implements AudioCodec {
  readonly sampleRateHz = 8_000;

  constructor(
    private readonly decoded: Int16Array,
    private readonly encoded: Uint8Array,
  ) {}

  decode(bytes: Buffer): Int16Array {
    const { decoded } = this;
    const pcm = allocatePcm(bytes.length);
    for (let i = 0; i < bytes.length; i++) pcm[i] = decoded[bytes[i]!]!;
    return pcm;
  }

  encode(pcm: Int16Array): Buffer {
    const { encoded } = this;
    const bytes = Buffer.allocUnsafe(pcm.length);
    for (let i = 0; i < pcm.length; i++) bytes[i] = encoded[pcm[i]! & 0xffff]!;
    return bytes;
  }
}

/** Returns the ones' complement magnitude: negative samples count from -1. */
const magnitudeOf = (sample: number): number => (sample < 0 ? ~sample : sample);

const decodedBy = (decode: (byte: number) => number): Int16Array =>
  Int16Array.from({ length: 256 }, (_, byte) => decode(byte));

const encodedBy = (encode: (sample: number) => number): Uint8Array =>
  Uint8Array.from({ length: 65_536 }, (_, index) => encode((index << 16) >> 16));

const MULAW_BIAS = 33;
const MULAW_MAX = 8_191;

/** G.711 µ-law (PCMU): phones in North America and Japan, and Twilio everywhere. */
export const MULAW: AudioCodec = new G711(
  decodedBy((byte) => {
    const code = ~byte & 0xff;
    const magnitude = ((((code & 0x0f) << 1) + MULAW_BIAS) << ((code & 0x70) >> 4)) - MULAW_BIAS;
    return (code & 0x80 ? -magnitude : magnitude) << 2;
  }),
  encodedBy((sample) => {
    const magnitude = Math.min((magnitudeOf(sample) >> 2) + MULAW_BIAS, MULAW_MAX);
    const exponent = 26 - Math.clz32(magnitude);
    const mantissa = (magnitude >> (exponent + 1)) & 0x0f;
    return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
  }),
);

/** XOR mask of A-law: every second bit is inverted, so that silence is no long run of zeros. */
const ALAW_TOGGLE = 0x55;

/** G.711 A-law (PCMA): phones in the rest of the world. */
export const ALAW: AudioCodec = new G711(
  decodedBy((byte) => {
    const code = byte ^ ALAW_TOGGLE;
    const exponent = (code & 0x70) >> 4;
    const step = (code & 0x0f) << 4;
    const magnitude = exponent === 0 ? step + 8 : (step + 0x108) << (exponent - 1);
    return code & 0x80 ? magnitude : -magnitude;
  }),
  encodedBy((sample) => {
    const magnitude = magnitudeOf(sample) >> 4;
    const exponent = Math.max(0, 28 - Math.clz32(magnitude));
    const mantissa = (magnitude >> Math.max(0, exponent - 1)) & 0x0f;
    return ((sample < 0 ? 0 : 0x80) | (exponent << 4) | mantissa) ^ ALAW_TOGGLE;
  }),
);
