import { describe, expect, it } from '@jest/globals';
import { POLYPHASE_WASM } from './polyphase.js';
import { AUDIO_RATES_HZ } from '../pcm.js';
import { Resampler } from './resampler.js';

const AMPLITUDE = 16_000;

const tone = (hz: number, rateHz: number, seconds = 0.3): Int16Array =>
  Int16Array.from({ length: rateHz * seconds }, (_, i) =>
    Math.round(AMPLITUDE * Math.sin((2 * Math.PI * hz * i) / rateHz)),
  );

/** Converts in pieces of the sizes given, over and over. */
function convert(pcm: Int16Array, from: number, to: number, sizes: number[]): Int16Array {
  const resampler = new Resampler(from, to);
  const out: number[] = [];
  for (let at = 0, i = 0; at < pcm.length; i++) {
    const size = sizes[i % sizes.length]!;
    out.push(...resampler.process(pcm.subarray(at, at + size)));
    at += size;
  }
  return Int16Array.from(out);
}

/** The amplitude of one frequency, in decibels below that of the test tones. Past the filter's run-in. */
function level(pcm: Int16Array, hz: number, rateHz: number): number {
  const from = Math.round(rateHz / 10);
  let re = 0;
  let im = 0;
  let weight = 0;
  for (let i = from; i < pcm.length; i++) {
    const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * (i - from)) / (pcm.length - from - 1));
    re += hann * pcm[i]! * Math.cos((2 * Math.PI * hz * i) / rateHz);
    im += hann * pcm[i]! * Math.sin((2 * Math.PI * hz * i) / rateHz);
    weight += hann;
  }
  return 20 * Math.log10((2 * Math.hypot(re, im)) / weight / AMPLITUDE + 1e-9);
}

/** The level of all that is there, relative to the test tones. */
function loudness(pcm: Int16Array): number {
  const tail = pcm.subarray(pcm.length / 2);
  const power = tail.reduce((sum, sample) => sum + sample * sample, 0) / tail.length;
  return 10 * Math.log10(power / (AMPLITUDE ** 2 / 2) + 1e-12);
}

const PAIRS = [
  [8_000, 16_000],
  [16_000, 8_000],
  [8_000, 24_000],
  [24_000, 8_000],
  [16_000, 24_000],
  [24_000, 16_000],
  [8_000, 48_000],
  [48_000, 8_000],
  [16_000, 48_000],
  [48_000, 16_000],
  [44_100, 16_000],
  [16_000, 44_100],
] as const;

describe.each(PAIRS)('resampling from %d to %d Hz', (from, to) => {
  const half = Math.min(from, to) / 2;

  it('has a flat pass band: within 0.05 dB up to 85 % of the lower Nyquist frequency', () => {
    for (let share = 0.05; share <= 0.85; share += 0.1) {
      const hz = share * half;
      const out = convert(tone(hz, from), from, to, [from / 50]);
      expect(Math.abs(level(out, hz, to))).toBeLessThan(0.05);
    }
  });

  it('attenuates aliases by 59 dB or more (anti-aliasing)', () => {
    if (to < from) {
      for (let i = 0; i < 10; i++) {
        const hz = half + 20 + ((from / 2 - half - 40) * i) / 9;
        expect(loudness(convert(tone(hz, from), from, to, [from / 50]))).toBeLessThan(-59);
      }
    } else {
      for (const share of [0.1, 0.5, 0.9, 0.98]) {
        const hz = share * half;
        const out = convert(tone(hz, from), from, to, [from / 50]);
        for (const image of [from - hz, from + hz, 2 * from - hz].filter((one) => one < to / 2)) {
          expect(level(out, image, to)).toBeLessThan(-59);
        }
      }
    }
  });

  it('gives the same output for any block size, with the right length', () => {
    const signal = tone(440, from, 0.1);
    const whole = convert(signal, from, to, [signal.length]);
    expect(whole).toHaveLength(Math.ceil((signal.length * to) / from));
    for (const sizes of [[from / 50], [7, 160, 3], [1_000, 1]]) {
      expect([...convert(signal, from, to, sizes)]).toEqual([...whole]);
    }
  });
});

describe('Resampler', () => {
  it('converts 20 ms to 20 ms every time between the rates of phones, clients and rooms', () => {
    const rates = [8_000, 16_000, 24_000, 48_000];
    for (const from of rates) {
      for (const to of rates.filter((rate) => rate !== from)) {
        const resampler = new Resampler(from, to);
        for (let i = 0; i < 5; i++) {
          expect(resampler.process(new Int16Array(from / 50))).toHaveLength(to / 50);
        }
      }
    }
  });

  it('keeps a constant signal, and saturates at full scale', () => {
    const out = convert(new Int16Array(4_000).fill(32_767), 8_000, 48_000, [160]);
    expect(Math.min(...out.subarray(2_000))).toBeGreaterThan(32_750);
    const square = Int16Array.from({ length: 4_000 }, (_, i) => (i % 20 < 10 ? 32_767 : -32_768));
    const steps = convert(square, 8_000, 16_000, [160]);
    for (let i = 1; i < steps.length; i++) {
      if (Math.abs(steps[i]! - steps[i - 1]!) > 60_000) throw new Error(`wrapped at ${i}`);
    }
  });

  it('delays audio by delayMs at most', () => {
    const click = new Int16Array(400);
    click[100] = 30_000;
    for (const to of [16_000, 48_000]) {
      const resampler = new Resampler(8_000, to);
      const out = resampler.process(click);
      const peak = out.indexOf(Math.max(...out));
      expect((peak * 1_000) / to - 12.5).toBeCloseTo(resampler.delayMs, 0);
      expect(resampler.delayMs).toBeLessThanOrEqual(3);
    }
  });

  it('clears its history on reset()', () => {
    const resampler = new Resampler(16_000, 8_000);
    resampler.process(tone(300, 16_000, 0.1));
    resampler.reset();
    expect([...resampler.process(new Int16Array(320))]).toEqual(new Array(160).fill(0));
  });

  it('supports every pair of the supported rates', () => {
    for (const from of AUDIO_RATES_HZ) {
      for (const to of AUDIO_RATES_HZ.filter((rate) => rate !== from)) {
        const out = convert(tone(440, from, 0.2), from, to, [Math.round(from / 50)]);
        expect(Math.abs(level(out, 440, to))).toBeLessThan(0.1);
      }
    }
  });

  it.each([
    [1_000, 48_000],
    [0, 8_000],
    [NaN, 8_000],
    [8_000, 16_000.5],
    [8_000, Infinity],
    ['8000', 16_000],
  ])('refuses unsupported rates: %j to %j', (from, to) => {
    expect(() => new Resampler(from as number, to)).toThrow(
      /RateHz must be one of 8000, 11025, .*, 96000/,
    );
  });

  it('returns memory of its own, or writes into existing memory', () => {
    const signal = tone(300, 8_000, 0.02);
    const own = new Resampler(8_000, 16_000).process(signal);
    expect(own.buffer.byteLength).toBe(own.byteLength);
    const resampler = new Resampler(8_000, 16_000);
    const room = new Int16Array(400);
    expect(resampler.outputLength(160)).toBe(320);
    expect(resampler.processInto(signal, room, 50)).toBe(320);
    expect([...room.subarray(50, 370)]).toEqual([...own]);
  });

  it('runs the WebAssembly of polyphase.wat', async () => {
    const script = './build-polyphase.js';
    const { polyphaseSource } = (await import(script)) as {
      polyphaseSource: () => Promise<string>;
    };
    expect(await polyphaseSource()).toContain(POLYPHASE_WASM);
  });
});
