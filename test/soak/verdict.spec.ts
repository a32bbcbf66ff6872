import { describe, expect, it } from '@jest/globals';
import type { Kept } from './kept.js';
import { growthOf, heapGrowth, isFlat, type Sample } from './verdict.js';

const MB = 2 ** 20;

/** A soak of so many laps, with a heap at rest of so many bytes after so many sessions. */
const soak = (laps: number, heapBytes: (ended: number, lap: number) => number): Sample[] =>
  Array.from({ length: laps }, (_, lap) => ({
    second: lap * 30,
    rest: true,
    heapBytes: heapBytes(lap * 100, lap),
    externalBytes: 0,
    rssBytes: 0,
    lagP99Ms: 0,
    lagMaxMs: 0,
    descriptors: 0,
    processes: 0,
    timers: 0,
    sessions: 0,
    heldSessions: 0,
    opened: lap * 100,
    ended: lap * 100,
    cpuMs: 0,
  }));

const kept = (bytes: number): Kept => ({ bytes, sessions: 1_000, most: [] });

/** Noise without a trend, the same each time. */
const noise = (lap: number): number => [0, 3, -2, 1, -3, 2, -1][lap % 7]! * 0.1 * MB;

describe('the verdict on the heap of a soak', () => {
  it('is that it is flat where it only goes up and down', () => {
    const growth = heapGrowth(soak(20, (_, lap) => 60 * MB + noise(lap)))!;
    expect(isFlat(growth, kept(30_000))).toBe(true);
  });

  it('is that it grows where each session leaves 150 bytes, however little that is of the heap', () => {
    const growth = heapGrowth(soak(20, (_, lap) => 60 * MB + noise(lap)))!;
    expect(isFlat(growth, kept(150_000))).toBe(false);
  });

  it('is that it is flat where code is compiled until the end', () => {
    const growth = heapGrowth(soak(20, (ended, lap) => 60 * MB + noise(lap) + 1_024 * ended))!;
    expect(growth.slope).toBeCloseTo(1_024, -3);
    expect(isFlat(growth, kept(30_000))).toBe(true);
  });

  it('is that it grows where it does by more than a twentieth, however unsteadily', () => {
    const heap = (ended: number, lap: number) => 60 * MB + 50 * noise(lap) + 10_000 * ended;
    const growth = heapGrowth(soak(20, heap))!;
    expect(isFlat(growth, kept(0))).toBe(false);
  });

  it('is about the second half, after everything was loaded and compiled', () => {
    const growth = heapGrowth(soak(20, (_, lap) => 60 * MB + Math.min(lap, 9) * MB + noise(lap)))!;
    expect(isFlat(growth, kept(0))).toBe(true);
  });

  it('is not given on a soak that is too short', () => {
    expect(heapGrowth(soak(8, () => 60 * MB))).toBeUndefined();
    expect(growthOf([{ x: 0, y: 0 }])).toBeUndefined();
    expect(growthOf([0, 0, 0].map((x) => ({ x, y: 1 })))).toBeUndefined();
  });
});
