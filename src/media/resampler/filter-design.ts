/**
 * The filter's length on each side of a sample, at the lower of the two rates. With the window's shape it passes everything up to
 * 85 % of the lower rate's half, and takes some 60 dB off whatever lies beyond that half, which would otherwise come back as
 * another tone.
 */
const HALF_TAPS = 24;
const KAISER_BETA = 5.8;
/** Where the filter lets half of a tone's amplitude through, as a share of the lower rate's half. */
const CUTOFF = 0.925;

/** 1 as the weights have it: 14 bits behind the point. */
const ONE = 1 << 14;
/** As many products are made at a time. */
const LANES = 8;

/** One filter for each position of an output sample between two of the input's: a windowed sinc, cut into phases. */
export interface PolyphaseFilter {
  /** How many input samples count for one of the output. */
  readonly taps: number;
  /** The weights of all phases, one phase behind the other. */
  readonly weights: Int16Array;
}

/** @param up and @param down the two rates, without their common divisor */
export function designFilter(up: number, down: number): PolyphaseFilter {
  // In input samples: going down, the filter is as long as it must be for the lower rate.
  const stretch = Math.max(1, down / up);
  const taps = LANES * Math.ceil((2 * HALF_TAPS * stretch) / LANES);
  const weights = new Int16Array(up * taps);
  for (let phase = 0; phase < up; phase++) {
    const exact = Array.from({ length: taps }, (_, k) =>
      // How far this input sample is from the middle of the filter.
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

/** As whole numbers whose sum is exactly 1: or a constant would hum at the rate of the phases. */
function rounded(exact: readonly number[]): Int16Array {
  const sum = exact.reduce((total, weight) => total + weight, 0);
  const weights = Int16Array.from(exact, (weight) => Math.round((weight / sum) * ONE));
  const largest = weights.indexOf(Math.max(...weights));
  weights[largest]! += ONE - weights.reduce((total, weight) => total + weight, 0);
  return weights;
}

/** The Kaiser window, from -1 to 1. */
function kaiser(at: number): number {
  if (Math.abs(at) >= 1) return 0;
  return besselI0(KAISER_BETA * Math.sqrt(1 - at * at)) / besselI0(KAISER_BETA);
}

/** The modified Bessel function of the first kind and order zero, by its power series. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
