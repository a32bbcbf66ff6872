import { checkAudioRate } from '../audio-rates.js';
import { designFilter } from './filter-design.js';
import { POLYPHASE_WASM } from './polyphase.js';

/** What polyphase.wat exports. */
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

/** A filter, where it lies in the memory of {@link wasm}. */
interface PlacedFilter {
  readonly taps: number;
  readonly address: number;
}

/** Node has it, its types do not. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const wasm = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(POLYPHASE_WASM, 'base64')))
  .exports as Polyphase;

const PAGE_BYTES = 65_536;
/** The most input samples that are converted in one go: few enough for what comes of them to fit, at twelve for one. */
const PIECE = 1_024;
/** The memory: input, output and then the filters. */
const WINDOW_ADDRESS = 0;
const OUT_ADDRESS = 16_384;
const FILTERS_ADDRESS = OUT_ADDRESS + 65_536;

const filters = new Map<string, PlacedFilter>();
let freeAddress = FILTERS_ADDRESS;
let memory = new Int16Array(wasm.memory.buffer);

/**
 * Converts a stream of samples between two rates, piece by piece: the pieces may be of any size, and their borders leave no trace.
 * Every piece comes back at its full length, and the sound {@link delayMs} later.
 */
export class Resampler {
  private readonly up: number;
  private readonly down: number;
  private readonly filter: PlacedFilter;
  /** The last samples of the pieces before. */
  private readonly history: Int16Array;
  /** How far the next output sample is behind the start of the next piece, in steps of an `up`th of an input sample. */
  private position = 0;

  /**
   * @param inRateHz and @param outRateHz each one of those in use: 8,000, 11,025, 12,000, 16,000, 22,050, 24,000, 32,000, 44,100, 48,000 or
   * 96,000
   * @throws {RangeError} for any other
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

  /** How much later the sound is, in milliseconds: 3 from or to 8 kHz. */
  get delayMs(): number {
    return ((this.filter.taps / 2) * 1_000) / this.inRateHz;
  }

  /** @returns the samples at the other rate, in memory of their own */
  process(pcm: Int16Array): Int16Array {
    const out = new Int16Array(this.outputLength(pcm.length));
    this.processInto(pcm, out, 0);
    return out;
  }

  /** The same into memory that is there. @param offset where in it @returns how many samples were written */
  processInto(pcm: Int16Array, out: Int16Array, offset: number): number {
    let end = offset;
    for (let at = 0; at < pcm.length; at += PIECE) {
      end += this.convert(pcm.subarray(at, at + PIECE), out, end);
    }
    return end - offset;
  }

  /** How many samples come next of so many. */
  outputLength(samples: number): number {
    return Math.max(0, Math.ceil((samples * this.up - this.position) / this.down));
  }

  /** Forgets what came before, so that a new sound does not begin with the end of the last. */
  reset(): void {
    this.history.fill(0);
    this.position = 0;
  }

  /** @returns how many samples were written to `out` at `offset` */
  private convert(piece: Int16Array, out: Int16Array, offset: number): number {
    const { up, down, history, filter } = this;
    const count = this.outputLength(piece.length);
    const wholeSteps = Math.floor(down / up);
    const start = Math.floor(this.position / up);
    memory.set(history, WINDOW_ADDRESS / 2);
    memory.set(piece, WINDOW_ADDRESS / 2 + history.length);
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
    const newest = WINDOW_ADDRESS / 2 + piece.length;
    history.set(memory.subarray(newest, newest + history.length));
    this.position += count * down - piece.length * up;
    return count;
  }
}

/** Each pair of rates has one filter, which all calls share. */
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
