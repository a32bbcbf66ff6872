import { readFileSync } from 'node:fs';
import { Resampler } from '../../src/bot.js';

/** A tone at half of full scale. */
export const tone = (hz: number, rateHz: number, seconds: number): Int16Array =>
  Int16Array.from({ length: Math.round(rateHz * seconds) }, (_, i) =>
    Math.round(16_000 * Math.sin((2 * Math.PI * hz * i) / rateHz)),
  );

/** Recorded speech, 16-bit at 8 kHz. */
export function speech(seconds: number): Int16Array {
  const wav = readFileSync('demo/inaugural-1961.wav');
  const start = wav.indexOf('data') + 8;
  return Int16Array.from({ length: seconds * 8_000 }, (_, i) => wav.readInt16LE(start + i * 2));
}

/** A WAV file, 16-bit mono. */
export function wavOf(pcm: Int16Array, rateHz: number): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF');
  header.writeUInt32LE(36 + pcm.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rateHz, 24);
  header.writeUInt32LE(2 * rateHz, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(pcm.byteLength, 40);
  return Buffer.concat([header, Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength)]);
}

/** Reads a WAV file, 16-bit mono. @throws {Error} saying what else it is */
export function readWav(wav: Buffer): { readonly pcm: Int16Array; readonly rateHz: number } {
  const problem = wavProblem(wav);
  if (problem !== undefined) throw new Error(`no WAV of 16-bit mono: ${problem}`);
  const pcm = new Int16Array(new Uint8Array(wav.subarray(44)).buffer, 0, (wav.length - 44) >> 1);
  return { pcm, rateHz: wav.readUInt32LE(24) };
}

function wavProblem(wav: Buffer): string | undefined {
  const textAt = (at: number) => wav.toString('latin1', at, at + 4);
  if (wav.length < 44) return `${wav.length} bytes`;
  if (textAt(0) !== 'RIFF' || textAt(8) !== 'WAVE' || textAt(12) !== 'fmt ') return 'no header';
  const [format, channels, bits] = [20, 22, 34].map((at) => wav.readUInt16LE(at));
  if (format !== 1 || channels !== 1 || bits !== 16)
    return `format ${format}, ${channels} channels`;
  if (wav.readUInt32LE(28) !== 2 * wav.readUInt32LE(24)) return 'a wrong byte rate';
  if (textAt(36) !== 'data') return `a chunk ${textAt(36)}`;
  const [length, rest] = [wav.readUInt32LE(40), wav.length - 44];
  return length === rest ? undefined : `${rest} bytes of audio, and ${length} announced`;
}

/** Returns what the bot of `webrtc_bot.py` makes of sound at 8 kHz: each sample without the one half a millisecond before. */
export const sharpened = (pcm: Int16Array): Int16Array =>
  pcm.map((sample, i) => (sample - (pcm[i - 4] ?? 0)) / 2);

/** Sound at another rate. */
export const atRate = (pcm: Int16Array, fromHz: number, toHz: number): Int16Array =>
  fromHz === toHz ? pcm : new Resampler(fromHz, toHz).process(pcm);

/** Largest lag of a copy, in seconds. */
const MAX_LAG = 0.6;

/**
 * Similarity of a copy and its original at any lag: the highest normalized cross-correlation,
 * 1 for the same at any loudness, about 0 for another.
 */
export function similarity(
  copy: Int16Array,
  copyHz: number,
  original: Int16Array,
  originalHz: number,
): number {
  const rateHz = 8_000;
  const a = atRate(original, originalHz, rateHz);
  const b = atRate(copy, copyHz, rateHz);
  let best = 0;
  for (let lag = 0; lag < MAX_LAG * rateHz && lag < b.length; lag++) {
    const length = Math.min(a.length, b.length - lag);
    let dot = 0;
    let powerA = 0;
    let powerB = 0;
    for (let i = 0; i < length; i++) {
      const x = a[i]!;
      const y = b[i + lag]!;
      dot += x * y;
      powerA += x * x;
      powerB += y * y;
    }
    if (length > a.length / 2) best = Math.max(best, dot / Math.sqrt(powerA * powerB || 1));
  }
  return best;
}

/** Enough to know speech by, and half as much to compare. */
function atFourKHz(pcm: Int16Array, fromHz: number): Int16Array {
  const full = atRate(pcm, fromHz, 8_000);
  return Int16Array.from(
    { length: full.length >> 1 },
    (_, i) => (full[2 * i]! + full[2 * i + 1]!) / 2,
  );
}

/**
 * Share of a sound in a copy with gaps: the median over its pieces of how similar the most similar
 * part of the copy is.
 *
 * @param piece how much is compared at a time, in seconds: on a busy machine there are gaps between such pieces, seldom within
 */
export function found(
  copy: Int16Array,
  copyHz: number,
  original: Int16Array,
  originalHz: number,
  piece = 0.5,
): number {
  const a = atFourKHz(original, originalHz);
  const b = atFourKHz(copy, copyHz);
  const size = piece * 4_000;
  const powers = runningPower(b);
  const best: number[] = [];
  for (let at = 0; at + size <= a.length; at += size) {
    const powerA = runningPower(a.subarray(at, at + size))[size]!;
    let most = 0;
    for (let lag = 0; lag + size <= b.length; lag++) {
      let dot = 0;
      for (let i = 0; i < size; i++) dot += a[at + i]! * b[lag + i]!;
      const powerB = powers[lag + size]! - powers[lag]!;
      most = Math.max(most, dot / Math.sqrt(powerA * powerB || 1));
    }
    best.push(most);
  }
  return best.sort((x, y) => x - y)[best.length >> 1]!;
}

/** The power of all samples before each. */
function runningPower(pcm: Int16Array): Float64Array {
  const powers = new Float64Array(pcm.length + 1);
  pcm.forEach((sample, i) => (powers[i + 1] = powers[i]! + sample * sample));
  return powers;
}
