import { describe, expect, it } from '@jest/globals';
import { Resampler } from './resampler.js';

const tone = (hz: number, rateHz: number, seconds = 0.2): Float32Array =>
  Float32Array.from({ length: Math.round(rateHz * seconds) }, (_, i) =>
    Math.sin((2 * Math.PI * hz * i) / rateHz),
  );

/** In one piece, or in pieces as an audio worklet gets them. */
function resample(input: Float32Array, fromHz: number, toHz: number, piece = 128): Float32Array {
  const resampler = new Resampler(fromHz, toHz);
  const parts: number[] = [];
  for (let i = 0; i < input.length; i += piece) {
    parts.push(...resampler.process(input.subarray(i, i + piece)));
  }
  return Float32Array.from(parts);
}

/** Root mean square of the middle, where the filter has all it needs, in decibels; a full-scale sine has -3. */
function levelDb(samples: Float32Array): number {
  const middle = samples.subarray(samples.length / 4, (samples.length * 3) / 4);
  return 10 * Math.log10(middle.reduce((sum, x) => sum + x * x, 0) / middle.length);
}

const RATES = [
  [48_000, 16_000],
  [44_100, 16_000],
  [24_000, 48_000],
  [24_000, 44_100],
  [48_000, 24_000],
] as const;

describe.each(RATES)('from %d to %d Hz', (fromHz, toHz) => {
  const half = Math.min(fromHz, toHz) / 2;

  it.each([100, 1_000, 0.75 * half])('passes %d Hz unchanged', (hz) => {
    const output = resample(tone(hz, fromHz), fromHz, toHz);
    expect(levelDb(output)).toBeCloseTo(-3.01, 1);
    // The same tone at the other rate, and no later than the filter reaches.
    const expected = tone(hz, toHz);
    const error = output.map((x, i) => x - expected[i]!);
    expect(levelDb(error)).toBeLessThan(-45);
  });

  it('gives no more and no less than came in', () => {
    const { length } = resample(tone(440, fromHz), fromHz, toHz);
    expect(length).toBeGreaterThan(0.2 * toHz - 40);
    expect(length).toBeLessThanOrEqual(0.2 * toHz);
  });

  it('does not depend on the pieces', () => {
    const input = tone(997, fromHz, 0.1);
    const whole = resample(input, fromHz, toHz, input.length);
    const pieces = resample(input, fromHz, toHz, 7);
    expect(pieces.length).toBe(whole.length);
    expect(levelDb(pieces.map((x, i) => x - whole[i]!))).toBeLessThan(-100);
  });
});

it('lets nothing through that would come back as another tone', () => {
  expect(levelDb(resample(tone(9_500, 48_000), 48_000, 16_000))).toBeLessThan(-60);
  expect(levelDb(resample(tone(20_000, 44_100), 44_100, 16_000))).toBeLessThan(-60);
});

it('leaves alone what has the rate already', () => {
  const input = tone(440, 48_000, 0.01);
  expect(new Resampler(48_000, 48_000).process(input)).toBe(input);
});
