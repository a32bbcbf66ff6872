/**
 * Filter length on each side of a sample, at the lower of the two rates. With this Kaiser window the pass band reaches 85 % of the
 * lower rate's Nyquist frequency, and frequencies above Nyquist, which would alias, are attenuated by some 60 dB.
 */
const HALF_TAPS = 24;
const KAISER_BETA = 5.8;
/** Cutoff frequency (-6 dB), as a share of the lower rate's Nyquist frequency. */
const CUTOFF = 0.925;

/** 1 in the fixed-point format of the weights (14 fractional bits). */
const ONE = 1 << 14;
const LANES = 8;

/** Polyphase anti-aliasing filter: a windowed sinc, split into phases. */
export interface PolyphaseFilter {
  /** Input samples per output sample. */
  readonly taps: number;
  /** Weights of all phases, one phase after the other. */
  readonly weights: Int16Array;
}

/** @param up output rate and @param down input rate, without their common divisor */
export function designFilter(up: number, down: number): PolyphaseFilter {
  // The taps count input samples: downsampling needs more of them.
  const stretch = Math.max(1, down / up);
  const taps = LANES * Math.ceil((2 * HALF_TAPS * stretch) / LANES);
  const weights = new Int16Array(up * taps);
  for (let phase = 0; phase < up; phase++) {
    const exact = Array.from({ length: taps }, (_, k) =>
      weightAt(1 + k - taps / 2 - phase / up, taps / 2, CUTOFF / stretch),
    );
    weights.set(rounded(exact), phase * taps);
  }
  return { taps, weights };
}

function weightAt(at: number, half: number, cutoff: number): number {
  const sinc = at === 0 ? cutoff : Math.sin(Math.PI * cutoff * at) / (Math.PI * at);
  return sinc * kaiser(at / half);
}

/** Rounds to fixed point with a sum of exactly 1, because a constant input would otherwise ripple with the phases. */
function rounded(exact: readonly number[]): Int16Array {
  const sum = exact.reduce((total, weight) => total + weight, 0);
  const weights = Int16Array.from(exact, (weight) => Math.round((weight / sum) * ONE));
  const largest = weights.indexOf(Math.max(...weights));
  weights[largest]! += ONE - weights.reduce((total, weight) => total + weight, 0);
  return weights;
}

/** Kaiser window, from -1 to 1. */
function kaiser(at: number): number {
  if (Math.abs(at) >= 1) return 0;
  return besselI0(KAISER_BETA * Math.sqrt(1 - at * at)) / besselI0(KAISER_BETA);
}

/** Modified Bessel function of the first kind, order zero, by its power series. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
