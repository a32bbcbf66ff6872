import { allocatePcm } from '../pcm.js';
import type { AudioCodec } from './audio-codec.js';

/**
 * G.722 codec at 64 kbit/s: 16 kHz speech, one byte for two samples. A quadrature mirror filter (QMF) splits the band, and sub-band
 * ADPCM codes the lower half in six bits and the upper half in two.
 *
 * Source: ITU-T Recommendation G.722. The output is bit-exact with the ITU's reference software (Recommendation G.191).
 */
export class G722 implements AudioCodec {
  readonly sampleRateHz = 16_000;
  private readonly encoder = { lower: new SubBand(LOWER), upper: new SubBand(UPPER) };
  private readonly decoder = { lower: new SubBand(LOWER), upper: new SubBand(UPPER) };
  private readonly analysis = new Int16Array(24);
  private readonly synthesis = new Int16Array(24);
  private odd: number | undefined;

  encode(pcm: Int16Array): Buffer {
    const pairs = (pcm.length + (this.odd === undefined ? 0 : 1)) >> 1;
    const bytes = Buffer.allocUnsafe(pairs);
    let next = 0;
    for (let i = 0; i < pairs; i++) {
      const first = this.odd ?? pcm[next++]!;
      this.odd = undefined;
      bytes[i] = this.encodePair(first, pcm[next++]!);
    }
    if (next < pcm.length) this.odd = pcm[next];
    return bytes;
  }

  decode(bytes: Buffer): Int16Array {
    const { lower, upper } = this.decoder;
    const pcm = allocatePcm(bytes.length * 2);
    for (let i = 0; i < bytes.length; i++) {
      const code = bytes[i]!;
      const low = lower.decode(code & 0x3f);
      const high = upper.decode(code >> 6);
      push(this.synthesis, saturate(low - high), saturate(low + high));
      const [even, odd] = filter(this.synthesis);
      pcm[2 * i] = saturate32(even * 16) >> 16;
      pcm[2 * i + 1] = saturate32(odd * 16) >> 16;
    }
    return pcm;
  }

  private encodePair(first: number, second: number): number {
    push(this.analysis, second, first);
    const [even, odd] = filter(this.analysis);
    const low = limit((even + odd) >> 15);
    const high = limit((even - odd) >> 15);
    return (this.encoder.upper.encode(high) << 6) | this.encoder.lower.encode(low);
  }
}

/** Constants of a sub-band. */
interface Band {
  /** Decision levels of the quantizer. */
  readonly levels: readonly number[];
  /** Codes by the number of levels passed, for non-negative and for negative differences. */
  readonly codes: readonly [readonly number[], readonly number[]];
  /** Inverse quantizer by code: `output` for the decoded sample, coarser `feedback` for the predictor. */
  readonly output: Int16Array;
  readonly feedback: Int16Array;
  /** Change of the logarithmic scale factor, by code. */
  readonly adaptation: Int16Array;
  readonly maxLogScale: number;
  readonly logScaleOffset: number;
  readonly firstScale: number;
}

function downFrom(first: number, last: number): number[] {
  return Array.from({ length: first - last + 1 }, (_, i) => first - i);
}

/** Returns the value of each code, from the magnitudes by number of levels passed. */
function valuesByCode(codes: Band['codes'], magnitudes: readonly number[]): Int16Array {
  const values = new Int16Array(Math.max(...codes.flat()) + 1);
  for (const [negative, list] of codes.entries()) {
    list.forEach((code, count) => {
      const magnitude = magnitudes[count]! << 3;
      values[code] = negative ? -magnitude : magnitude;
    });
  }
  return values;
}

const LOWER_LEVELS = [
  35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
  1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
const LOWER_CODES: Band['codes'] = [downFrom(61, 32), [63, 62, ...downFrom(31, 4)]];
const LOWER_MAGNITUDES = [
  17, 54, 91, 130, 170, 211, 254, 300, 347, 396, 447, 501, 558, 618, 682, 750, 822, 899, 982, 1072,
  1170, 1279, 1399, 1535, 1689, 1873, 2088, 2376, 2738, 3101,
];
/** The predictor sees only the upper four bits of a code. */
const COARSE_INDEX = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];
const COARSE_MAGNITUDES = [0, 150, 323, 530, 786, 1121, 1612, 2557];
const COARSE_ADAPTATION = [-60, -30, 58, 172, 334, 538, 1198, 3042];

const LOWER: Band = {
  levels: LOWER_LEVELS,
  codes: LOWER_CODES,
  output: lowerOutput(),
  feedback: Int16Array.from({ length: 64 }, (_, code) => {
    const magnitude = COARSE_MAGNITUDES[COARSE_INDEX[code >> 2]!]! << 3;
    return code >> 2 < 8 ? -magnitude : magnitude;
  }),
  adaptation: Int16Array.from(
    { length: 64 },
    (_, code) => COARSE_ADAPTATION[COARSE_INDEX[code >> 2]!]!,
  ),
  maxLogScale: 18_432,
  logScaleOffset: 64,
  firstScale: 32,
};

/** Reads the four codes that no encoder sends as the smallest negative difference. */
function lowerOutput(): Int16Array {
  const values = valuesByCode(LOWER_CODES, LOWER_MAGNITUDES);
  values.fill(-(LOWER_MAGNITUDES[0]! << 3), 0, 4);
  return values;
}

const UPPER_CODES: Band['codes'] = [
  [3, 2],
  [1, 0],
];
const UPPER_VALUES = valuesByCode(UPPER_CODES, [202, 926]);

const UPPER: Band = {
  levels: [564],
  codes: UPPER_CODES,
  output: UPPER_VALUES,
  feedback: UPPER_VALUES,
  adaptation: Int16Array.of(798, -214, 798, -214),
  maxLogScale: 22_528,
  logScaleOffset: 0,
  firstScale: 8,
};

/** ADPCM of one sub-band: an adaptive quantizer and a predictor of two poles and six zeros, the same in encoder and decoder. */
class SubBand {
  private logScale = 0;
  private scale: number;
  private prediction = 0;
  private zeroPrediction = 0;
  private pole1 = 0;
  private pole2 = 0;
  private readonly zeros = new Int16Array(6);
  /** The last six differences, newest first. */
  private readonly differences = new Int16Array(6);
  private partial1 = 0;
  private partial2 = 0;
  private output1 = 0;

  constructor(private readonly band: Band) {
    this.scale = band.firstScale;
  }

  encode(sample: number): number {
    const { levels, codes } = this.band;
    const difference = saturate(sample - this.prediction);
    const negative = difference < 0;
    const magnitude = negative ? 32_767 - (difference & 32_767) : difference;
    let count = 0;
    while (count < levels.length && magnitude >= mult(levels[count]! << 3, this.scale)) count++;
    const code = codes[negative ? 1 : 0][count]!;
    this.adapt(code);
    return code;
  }

  decode(code: number): number {
    const sample = limit(saturate(this.prediction + mult(this.scale, this.band.output[code]!)));
    this.adapt(code);
    return sample;
  }

  private adapt(code: number): void {
    const { feedback, adaptation, maxLogScale, logScaleOffset } = this.band;
    const difference = mult(this.scale, feedback[code]!);

    const logScale = mult(this.logScale, 32_512) + adaptation[code]!;
    this.logScale = Math.min(Math.max(logScale, 0), maxLogScale);
    this.scale = SCALES[(this.logScale >> 6) + logScaleOffset]!;

    const partial = saturate(difference + this.zeroPrediction);
    const output = saturate(this.prediction + difference);
    this.updateZeros(difference);
    this.updatePoles(partial);
    this.partial2 = this.partial1;
    this.partial1 = partial;

    const { differences, zeros } = this;
    let zeroPrediction = 0;
    for (let i = 5; i >= 0; i--) {
      const term = mult(saturate(2 * differences[i]!), zeros[i]!);
      zeroPrediction = saturate(zeroPrediction + term);
    }
    const polePrediction = saturate(
      mult(this.pole1, saturate(2 * output)) + mult(this.pole2, saturate(2 * this.output1)),
    );
    this.output1 = output;
    this.zeroPrediction = zeroPrediction;
    this.prediction = saturate(polePrediction + zeroPrediction);
  }

  private updateZeros(difference: number): void {
    const { differences, zeros } = this;
    const step = difference === 0 ? 0 : 128;
    for (let i = 5; i >= 0; i--) {
      const towards = sameSign(difference, differences[i]!) ? step : -step;
      zeros[i] = saturate(towards + mult(zeros[i]!, 32_640));
      differences[i] = i === 0 ? difference : differences[i - 1]!;
    }
  }

  private updatePoles(partial: number): void {
    const first = saturate(this.pole1 << 2);
    const towards1 = (sameSign(partial, this.partial1) ? saturate(-first) : first) >> 7;
    const towards2 = sameSign(partial, this.partial2) ? 128 : -128;
    const pole2 = saturate(saturate(towards1 + towards2) + mult(this.pole2, 32_512));
    this.pole2 = Math.min(Math.max(pole2, -12_288), 12_288);

    const step = sameSign(partial, this.partial1) ? 192 : -192;
    const pole1 = saturate(step + mult(this.pole1, 32_640));
    const most = saturate(15_360 - this.pole2);
    this.pole1 = Math.min(Math.max(pole1, -most), most);
  }
}

/** Scale factors by their logarithm, in steps of 1/32 octave: the top octave rounded, the others shifted down from it. */
const SCALES = Int16Array.from({ length: 353 }, (_, i) => {
  const step = Math.round(2_048 * 2 ** ((i & 31) / 32));
  return ((step << 1) >> (11 - (i >> 5))) << 2;
});

const QMF = [3, -11, -11, 53, 12, -156, 32, 362, -210, -805, 951, 3876].map((tap) => tap * 2);
const QMF_TAPS = Int32Array.from([...QMF, ...[...QMF].reverse()]);

function push(delayLine: Int16Array, first: number, second: number): void {
  delayLine.copyWithin(2, 0, 22);
  delayLine[0] = first;
  delayLine[1] = second;
}

/** Returns the sums over the even and the odd taps. */
function filter(delayLine: Int16Array): [even: number, odd: number] {
  let even = 0;
  let odd = 0;
  for (let i = 0; i < 24; i += 2) {
    even += QMF_TAPS[i]! * delayLine[i]!;
    odd += QMF_TAPS[i + 1]! * delayLine[i + 1]!;
  }
  return [even, odd];
}

/** Compares signs as the recommendation does: zero is positive. */
const sameSign = (a: number, b: number): boolean => a < 0 === b < 0;

const saturate = (value: number): number =>
  value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value;

const saturate32 = (value: number): number =>
  value > 2_147_483_647 ? 2_147_483_647 : value < -2_147_483_648 ? -2_147_483_648 : value;

/** Multiplies two 15-bit fractions (Q15). */
const mult = (a: number, b: number): number => saturate((a * b) >> 15);

/** Clamps to the 15-bit range of a sub-band. */
const limit = (value: number): number =>
  value > 16_383 ? 16_383 : value < -16_384 ? -16_384 : value;
