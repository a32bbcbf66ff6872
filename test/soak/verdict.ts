import type { Kept } from './kept.js';

/** Measurements of the runner's process. */
export interface Sample {
  /** Since the start of the soak. */
  readonly second: number;
  /** True between two laps, when there is no session. */
  readonly rest: boolean;
  /** After garbage collection. */
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly rssBytes: number;
  /** Lag of the event loop since the last sample. */
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
  readonly descriptors: number;
  readonly processes: number;
  readonly timers: number;
  readonly sessions: number;
  /** Sessions in memory, also ended ones. */
  readonly heldSessions: number;
  readonly opened: number;
  readonly ended: number;
  readonly cpuMs: number;
}

/** Growth of a quantity with the number of sessions. */
export interface Growth {
  /** Bytes per session, by least squares. */
  readonly slope: number;
  /** Whole growth as a share of the first value. */
  readonly share: number;
}

/** The heap is flat when a session leaves less than this, of what is no compiled code. */
export const FLAT_BYTES = 100;
/** Beyond this share of growth over the second half nothing is called flat, whatever it is. */
export const FLAT_SHARE = 0.05;
/** Rests in the second half that it takes to judge. */
export const LEAST_RESTS = 6;

/** Growth over points in order; `undefined` with fewer than three. */
export function growthOf(points: readonly { x: number; y: number }[]): Growth | undefined {
  const n = points.length;
  if (n < 3) return undefined;
  const mean = (of: 'x' | 'y') => points.reduce((sum, point) => sum + point[of], 0) / n;
  const [x, y] = [mean('x'), mean('y')];
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  if (spread === 0) return undefined;
  const slope = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / spread;
  const [first, last] = [points[0]!, points[n - 1]!];
  return { slope, share: (slope * (last.x - first.x)) / first.y };
}

/** Growth of the heap at rest over the second half of a soak. */
export function heapGrowth(samples: readonly Sample[]): Growth | undefined {
  const rests = samples.filter(({ rest }) => rest);
  const half = rests.slice(rests.length >> 1);
  if (half.length < LEAST_RESTS) return undefined;
  return growthOf(half.map(({ ended, heapBytes }) => ({ x: ended, y: heapBytes })));
}

/** Returns whether a growth is none, by the rule in docs/operations.md. @param kept in the second half */
export const isFlat = ({ share }: Growth, { bytes, sessions }: Kept): boolean =>
  bytes < FLAT_BYTES * sessions && share < FLAT_SHARE;
