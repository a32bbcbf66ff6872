import { describe, expect, it } from '@jest/globals';
import { decodeMulaw, encodeMulaw } from './g711.js';

/** An encoder by search over the segments, in 14-bit steps, sharing nothing with the tables. */
function encodeBySearch(sample: number): number {
  const magnitude = Math.min(Math.abs(sample) / 4, 8158);
  let low = -1;
  let segment = 0;
  let step = 2;
  let base = 0;
  // Segment 0 starts with a half step; each segment has 16 steps of twice the size of the one before.
  for (; segment < 8; segment++, step *= 2) {
    const size = segment === 0 ? 31 : 16 * step;
    if (magnitude < base + size) {
      low = segment === 0 ? Math.floor((magnitude + 1) / 2) : Math.floor((magnitude - base) / step);
      break;
    }
    base += size;
  }
  if (low === -1) [segment, low] = [7, 15];
  return ~((sample < 0 ? 0x80 : 0) | (segment << 4) | low) & 0xff;
}

describe('µ-law', () => {
  it('encodes every 14-bit level as a search over the segments does', () => {
    const levels = Int16Array.from({ length: 8_192 }, (_, i) => i * 4);
    const expected = Array.from(levels, encodeBySearch);
    expect(Array.from(encodeMulaw(levels))).toEqual(expected);
    const negative = levels.map((level) => -level).slice(1);
    expect(Array.from(encodeMulaw(negative))).toEqual(Array.from(negative, encodeBySearch));
  });

  it.each([
    [0xff, 0],
    [0x7f, 0],
    [0x80, 32_124],
    [0x00, -32_124],
    [0xfe, 8],
    [0xf0, 120],
    [0xef, 132],
    [0x8f, 16_764],
  ])('decodes %d to %d', (byte, sample) => {
    expect(decodeMulaw(Uint8Array.of(byte))[0]).toBe(sample);
  });

  it('keeps every code through a round trip, but for negative zero', () => {
    const codes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const back = encodeMulaw(decodeMulaw(codes));
    expect(Array.from(back)).toEqual(Array.from(codes, (code) => (code === 0x7f ? 0xff : code)));
  });

  it('clips what is louder than it can say', () => {
    expect(Array.from(encodeMulaw(Int16Array.of(32_767, -32_768)))).toEqual([0x80, 0x00]);
  });
});
