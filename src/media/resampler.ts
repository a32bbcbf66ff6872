import { allocatePcm } from './pcm.js';

/**
 * The filter's length on each side of a sample, at the lower of the two rates. With {@link KAISER_BETA} it passes everything up to
 * 85 % of the lower rate's half, and takes at least 60 dB off whatever lies beyond that half, which would otherwise come back as
 * another tone.
 */
const HALF_TAPS = 24;
const KAISER_BETA = 5.8;
/** Where the filter has let half of a tone's amplitude through, as a share of the lower rate's half. */
const CUTOFF = 0.925;

/** One filter a phase: what each of the last input samples counts for an output sample. */
interface Filter {
  readonly taps: number;
  readonly phases: readonly Float64Array[];
}

const filters = new Map<string, Filter>();

/**
 * Converts a stream of samples between two rates, piece by piece: the pieces may be of any size, and their borders leave no trace.
 * Every piece comes back at its full length, and the sound {@link delayMs} later. A polyphase filter (a windowed sinc).
 */
export class Resampler {
  private readonly up: number;
  private readonly down: number;
  private readonly filter: Filter;
  /** The last samples of the pieces before, and behind them those of the piece at hand. */
  private window: Float64Array;
  /** How far the next output sample is behind the start of the next piece, in steps of an `up`th of an input sample. */
  private position = 0;

  constructor(
    readonly inRateHz: number,
    readonly outRateHz: number,
  ) {
    const divisor = greatestCommonDivisor(inRateHz, outRateHz);
    this.up = outRateHz / divisor;
    this.down = inRateHz / divisor;
    this.filter = filterFor(this.up, this.down);
    this.window = new Float64Array(this.filter.taps - 1);
  }

  /** How much later the sound is, in milliseconds: 3 from or to 8 kHz. */
  get delayMs(): number {
    return ((this.filter.taps / 2) * 1_000) / this.inRateHz;
  }

  process(pcm: Int16Array): Int16Array {
    const { up, down } = this;
    const { taps, phases } = this.filter;
    const kept = taps - 1;
    const needed = kept + pcm.length;
    if (this.window.length < needed) {
      const wider = new Float64Array(needed);
      wider.set(this.window.subarray(0, kept));
      this.window = wider;
    }
    const { window } = this;
    for (let i = 0; i < pcm.length; i++) window[kept + i] = pcm[i]!;

    const out = allocatePcm(Math.max(0, Math.ceil((pcm.length * up - this.position) / down)));
    let start = Math.floor(this.position / up);
    let phase = this.position - start * up;
    const wholeSteps = Math.floor(down / up);
    const phaseSteps = down - wholeSteps * up;
    for (let n = 0; n < out.length; n++) {
      const weights = phases[phase]!;
      // Four sums at once: the processor need not wait for one addition to begin the next.
      let sum0 = 0;
      let sum1 = 0;
      let sum2 = 0;
      let sum3 = 0;
      for (let k = 0; k < taps; k += 4) {
        const i = start + k;
        sum0 += weights[k]! * window[i]!;
        sum1 += weights[k + 1]! * window[i + 1]!;
        sum2 += weights[k + 2]! * window[i + 2]!;
        sum3 += weights[k + 3]! * window[i + 3]!;
      }
      const sum = sum0 + sum1 + (sum2 + sum3);
      out[n] = sum > 32_767 ? 32_767 : sum < -32_768 ? -32_768 : Math.round(sum);
      start += wholeSteps;
      phase += phaseSteps;
      if (phase >= up) {
        phase -= up;
        start++;
      }
    }
    this.position = start * up + phase - pcm.length * up;
    window.copyWithin(0, pcm.length, needed);
    return out;
  }

  /** Forgets what came before, so that a new sound does not begin with the end of the last. */
  reset(): void {
    this.window.fill(0);
    this.position = 0;
  }
}

function filterFor(up: number, down: number): Filter {
  const key = `${up}/${down}`;
  let filter = filters.get(key);
  if (!filter) {
    filter = design(up, down);
    filters.set(key, filter);
  }
  return filter;
}

function design(up: number, down: number): Filter {
  // In input samples: going down, the filter is as long as it must be for the lower rate.
  const stretch = Math.max(1, down / up);
  const taps = 4 * Math.ceil((2 * HALF_TAPS * stretch) / 4);
  const cutoff = CUTOFF / stretch;
  const phases = Array.from({ length: up }, (_, phase) => {
    const weights = new Float64Array(taps);
    let sum = 0;
    for (let k = 0; k < taps; k++) {
      // How far this input sample is from the middle of the filter.
      const at = k - (taps - 1) + taps / 2 - phase / up;
      const window = kaiser(at / (taps / 2));
      const weight = at === 0 ? cutoff : Math.sin(Math.PI * cutoff * at) / (Math.PI * at);
      weights[k] = weight * window;
      sum += weights[k]!;
    }
    // Each phase lets a constant through unchanged, or it would hum at the rate of the phases.
    for (let k = 0; k < taps; k++) weights[k]! /= sum;
    return weights;
  });
  return { taps, phases };
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

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
