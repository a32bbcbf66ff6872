import { checkAudioRate } from '../pcm.js';
import { designFilter } from './filter-design.js';
import { POLYPHASE_WASM } from './polyphase.js';

/** Exports of polyphase.wat. */
interface Polyphase {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  convert(
    window: number,
    filters: number,
    taps: number,
    out: number,
    count: number,
    start: number,
    phase: number,
    up: number,
    wholeSteps: number,
    phaseSteps: number,
  ): void;
}

/** A filter in the memory of {@link wasm}. */
interface PlacedFilter {
  readonly taps: number;
  readonly address: number;
}

/** Global of Node that its type declarations lack. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const wasm = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(POLYPHASE_WASM, 'base64')))
  .exports as Polyphase;

const PAGE_BYTES = 65_536;
/** Largest block of input samples: its output must fit the memory at twelve samples for one. */
const BLOCK_SAMPLES = 1_024;
/** Memory layout: input, output, filters. */
const WINDOW_ADDRESS = 0;
const OUT_ADDRESS = 16_384;
const FILTERS_ADDRESS = OUT_ADDRESS + 65_536;

const filters = new Map<string, PlacedFilter>();
let freeAddress = FILTERS_ADDRESS;
let memory = new Int16Array(wasm.memory.buffer);

/**
 * Streaming resampler between two sample rates: a polyphase FIR filter with anti-aliasing, in WebAssembly. Blocks may be of any size
 * and join without artifacts. The output has the full length of the input and is delayed by {@link delayMs}.
 */
export class Resampler {
  private readonly up: number;
  private readonly down: number;
  private readonly filter: PlacedFilter;
  /** The last input samples, for the filter's next block. */
  private readonly history: Int16Array;
  /** Position of the next output sample from the start of the next block, in units of 1/`up` input samples. */
  private position = 0;

  /**
   * @param inRateHz 8,000, 11,025, 12,000, 16,000, 22,050, 24,000, 32,000, 44,100, 48,000 or 96,000
   * @param outRateHz one of the same
   * @throws {RangeError} for any other rate
   */
  constructor(
    readonly inRateHz: number,
    readonly outRateHz: number,
  ) {
    checkAudioRate(inRateHz, 'inRateHz');
    checkAudioRate(outRateHz, 'outRateHz');
    const divisor = greatestCommonDivisor(inRateHz, outRateHz);
    this.up = outRateHz / divisor;
    this.down = inRateHz / divisor;
    this.filter = filterFor(this.up, this.down);
    this.history = new Int16Array(this.filter.taps - 1);
  }

  /** Filter delay, in milliseconds: 3 from or to 8 kHz. */
  get delayMs(): number {
    return ((this.filter.taps / 2) * 1_000) / this.inRateHz;
  }

  /** @returns the resampled samples, in memory of their own */
  process(pcm: Int16Array): Int16Array {
    const out = new Int16Array(this.outputLength(pcm.length));
    this.processInto(pcm, out, 0);
    return out;
  }

  /** Resamples into existing memory at `offset`. @returns the number of samples written */
  processInto(pcm: Int16Array, out: Int16Array, offset: number): number {
    let end = offset;
    for (let at = 0; at < pcm.length; at += BLOCK_SAMPLES) {
      end += this.convert(pcm.subarray(at, at + BLOCK_SAMPLES), out, end);
    }
    return end - offset;
  }

  /** Returns the number of output samples that the next `samples` input samples give. */
  outputLength(samples: number): number {
    return Math.max(0, Math.ceil((samples * this.up - this.position) / this.down));
  }

  /** Clears the filter's history, before audio that does not continue the last. */
  reset(): void {
    this.history.fill(0);
    this.position = 0;
  }

  /** @returns the number of samples written to `out` at `offset` */
  private convert(block: Int16Array, out: Int16Array, offset: number): number {
    const { up, down, history, filter } = this;
    const count = this.outputLength(block.length);
    const wholeSteps = Math.floor(down / up);
    const start = Math.floor(this.position / up);
    memory.set(history, WINDOW_ADDRESS / 2);
    memory.set(block, WINDOW_ADDRESS / 2 + history.length);
    wasm.convert(
      WINDOW_ADDRESS,
      filter.address,
      filter.taps,
      OUT_ADDRESS,
      count,
      start,
      this.position - start * up,
      up,
      wholeSteps,
      down - wholeSteps * up,
    );
    out.set(memory.subarray(OUT_ADDRESS / 2, OUT_ADDRESS / 2 + count), offset);
    const newest = WINDOW_ADDRESS / 2 + block.length;
    history.set(memory.subarray(newest, newest + history.length));
    this.position += count * down - block.length * up;
    return count;
  }
}

/** Returns the filter of a pair of rates, shared by all calls. */
function filterFor(up: number, down: number): PlacedFilter {
  const key = `${up}/${down}`;
  let placed = filters.get(key);
  if (!placed) {
    const { taps, weights } = designFilter(up, down);
    placed = { taps, address: freeAddress };
    freeAddress += weights.byteLength;
    const missing = freeAddress - wasm.memory.buffer.byteLength;
    if (missing > 0) {
      wasm.memory.grow(Math.ceil(missing / PAGE_BYTES));
      memory = new Int16Array(wasm.memory.buffer);
    }
    memory.set(weights, placed.address / 2);
    filters.set(key, placed);
  }
  return placed;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
