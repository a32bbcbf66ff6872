import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { bytesFromPcm } from '../pcm.js';
import { ALAW, MULAW } from './g711.js';
import { G722 } from './g722.js';
import { L16 } from './audio-codec.js';
import { opusDuration } from './opus.js';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const EVERY_SAMPLE = Int16Array.from({ length: 65_536 }, (_, i) => (i << 16) >> 16);
const EVERY_BYTE = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i));

/** Noise, loud square waves, near silence and ramps, made of whole numbers only so that it is the same everywhere. */
function testSignal(length: number): Int16Array {
  let seed = 1;
  return Int16Array.from({ length }, (_, i) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    const noise = (seed >>> 16) - 32_768;
    const period = 20 + (i >> 10);
    const square = i % period < period / 2 ? 12_000 : -12_000;
    return [noise, square + (noise >> 4), noise >> 8, (i % period) * 1_000][(i >> 13) % 4]!;
  });
}

/**
 * SHA-256 of what the ITU's own C code makes of the same input (Recommendation G.191, the Software Tools Library, `g711.c` and
 * `g722.c`, run once for this).
 */
const G191 = {
  mulawEncoded: '455d3ccb989aea3ed20d8783a99859635739069ad7ffab3bfc61f36feb6de709',
  mulawDecoded: '3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827',
  alawEncoded: 'f77c76aa923ee25617453f87514828a12896227f82ff383bf3bb53d6ac7c2a0f',
  alawDecoded: 'e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174',
  g722Encoded: '172334ca7c110b317ffe88b421b7a1c22caf9ed93abb5bddb0a0d3420bf82ae3',
  g722Decoded: 'ec1c8465dce9975dd1beb7473fc8fd7a7050d07919ea96ccbc713826fc62e595',
  g722DecodedJunk: 'bfb2a624c93f586d6b5b007852b77dc455c6d005b47e8c01d8439558dd17827d',
};

describe('G.711', () => {
  it.each([
    ['µ-law', MULAW, G191.mulawEncoded, G191.mulawDecoded],
    ['A-law', ALAW, G191.alawEncoded, G191.alawDecoded],
  ])(
    '%s is bit-exact with the ITU’s reference for every sample and code',
    (_, codec, encoded, decoded) => {
      expect(sha256(codec.encode(EVERY_SAMPLE))).toBe(encoded);
      expect(sha256(bytesFromPcm(codec.decode(EVERY_BYTE)!))).toBe(decoded);
    },
  );

  it('decodes and re-encodes every code to itself, except the second zero of µ-law', () => {
    for (const [codec, changed] of [
      [MULAW, [0x7f]],
      [ALAW, []],
    ] as const) {
      const again = codec.encode(codec.decode(EVERY_BYTE)!);
      expect([...EVERY_BYTE].filter((byte) => again[byte] !== byte)).toEqual(changed);
    }
  });
});

describe('G.722', () => {
  const signal = testSignal(65_536);

  it('is bit-exact with the ITU’s reference when encoding and decoding', () => {
    const encoded = new G722().encode(signal);
    expect(sha256(encoded)).toBe(G191.g722Encoded);
    expect(sha256(bytesFromPcm(new G722().decode(encoded)))).toBe(G191.g722Decoded);
  });

  it('decodes arbitrary bytes as the ITU’s reference does', () => {
    const junk = Buffer.from(Uint8Array.from(testSignal(20_000), (sample) => sample & 0xff));
    expect(sha256(bytesFromPcm(new G722().decode(junk)))).toBe(G191.g722DecodedJunk);
  });

  it('accepts blocks of any size', () => {
    const codec = new G722();
    const pieces: Buffer[] = [];
    for (let at = 0, size = 1; at < signal.length; at += size, size = (size % 401) + 7) {
      pieces.push(codec.encode(signal.subarray(at, at + size)));
    }
    expect(sha256(Buffer.concat(pieces))).toBe(G191.g722Encoded);
  });
});

describe('L16', () => {
  it('is little-endian', () => {
    const codec = new L16(16_000);
    expect(codec.encode(Int16Array.of(1, -2, 32_767)).toString('hex')).toBe('0100feffff7f');
    expect([...codec.decode(Buffer.from('0100feffff7f', 'hex'))!]).toEqual([1, -2, 32_767]);
  });

  it('refuses half samples', () => {
    expect(new L16(8_000).decode(Buffer.alloc(3))).toBeUndefined();
  });
});

it.each([
  ['nothing', [], 0],
  ['one frame of 20 ms', [0xf8], 960],
  ['two frames of 60 ms', [0x19], 5_760],
  ['three frames of 60 ms, which are too long', [0x1b, 3], 0],
  ['48 frames of 2.5 ms', [0xe3, 48], 5_760],
  ['an unknown number of frames', [0xe3], 0],
])('the duration of an Opus packet of %s', (_, bytes, ticks) => {
  expect(opusDuration(Uint8Array.from(bytes))).toBe(ticks);
});
