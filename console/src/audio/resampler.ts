/** Zero crossings of the sinc that are used on either side. */
const LOBES = 16;
/** Steps in which one lobe is tabulated. */
const STEPS = 128;
/** The share of the lower band that is passed on; above it the filter falls off. */
const PASSED = 0.92;

/** A windowed sinc (Blackman), from its middle to its end. */
const KERNEL = Float32Array.from({ length: LOBES * STEPS + 2 }, (_, i) => {
  const x = i / STEPS;
  if (x >= LOBES) return 0;
  const phase = Math.PI * (x / LOBES);
  const window = 0.42 + 0.5 * Math.cos(phase) + 0.08 * Math.cos(2 * phase);
  return x === 0 ? 1 : (window * Math.sin(Math.PI * x)) / (Math.PI * x);
});

/**
 * Changes the sample rate of a stream, piece by piece. In JavaScript, since it runs in audio worklets of a page whose policy forbids
 * WebAssembly; and by hand at all because Firefox takes a microphone only at the rate of the hardware.
 */
export class Resampler {
  /** Samples of the input per sample of the output. */
  private readonly step: number;
  /** Zero crossings of the sinc per sample of the input. */
  private readonly scale: number;
  /** Reach of the filter to either side, in samples of the input. */
  private readonly reach: number;
  private kept: Float32Array;
  /** Where the next output is in what is kept, in samples of the input. */
  private at: number;

  constructor(fromHz: number, toHz: number) {
    this.step = fromHz / toHz;
    this.scale = Math.min(1, toHz / fromHz) * PASSED;
    this.reach = Math.ceil(LOBES / this.scale);
    this.kept = new Float32Array(this.reach);
    this.at = this.reach;
  }

  /** @returns what can be told so far: as much as came in, less the reach of the filter */
  process(input: Float32Array): Float32Array {
    if (this.step === 1) return input;
    const samples = new Float32Array(this.kept.length + input.length);
    samples.set(this.kept);
    samples.set(input, this.kept.length);
    const count = Math.max(0, Math.ceil((samples.length - this.reach - this.at) / this.step));
    const output = new Float32Array(count);
    for (let i = 0; i < count; i++) output[i] = this.sampleAt(samples, this.at + i * this.step);
    this.at += count * this.step;
    const done = Math.max(0, Math.floor(this.at) - this.reach);
    this.kept = samples.slice(done);
    this.at -= done;
    return output;
  }

  private sampleAt(samples: Float32Array, center: number): number {
    const last = Math.min(samples.length - 1, Math.floor(center + this.reach));
    let sum = 0;
    for (let i = Math.max(0, Math.ceil(center - this.reach)); i <= last; i++) {
      const place = Math.min(Math.abs(i - center) * this.scale, LOBES) * STEPS;
      const before = Math.floor(place);
      const value = KERNEL[before]!;
      sum += samples[i]! * (value + (KERNEL[before + 1]! - value) * (place - before));
    }
    return sum * this.scale;
  }
}
