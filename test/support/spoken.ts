import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { atRate } from './sound.js';
import { TOOLS } from './tools.js';

const run = promisify(execFile);

/** The rate of espeak-ng's voices, in Hz. */
const ESPEAK_HZ = 22_050;
/** Bytes of the header that espeak-ng writes into a pipe, where it cannot tell the length. */
const HEADER_BYTES = 44;
const made = new Map<string, Promise<Int16Array>>();

/** A spoken sentence, of espeak-ng. Asked twice, it is made once. @param voice of `espeak-ng --voices` */
export async function spoken(text: string, rateHz: number, voice = 'en'): Promise<Int16Array> {
  const key = `${voice}: ${text}`;
  if (!made.has(key)) made.set(key, synthesize(text, voice));
  return atRate(await made.get(key)!, ESPEAK_HZ, rateHz);
}

async function synthesize(text: string, voice: string): Promise<Int16Array> {
  const espeak = TOOLS['espeak-ng'].find();
  if (espeak === undefined) throw new Error('Speech needs espeak-ng: npm run test:setup');
  const args = ['-v', voice, '--stdout', '--', text];
  const { stdout } = await run(espeak, args, { encoding: 'buffer', maxBuffer: 32 * 2 ** 20 });
  return new Int16Array(new Uint8Array(stdout.subarray(HEADER_BYTES)).buffer);
}

/** Silence, in samples. */
export const silence = (ms: number, rateHz: number): Int16Array =>
  new Int16Array(Math.round((ms * rateHz) / 1_000));

/** Sounds one after another. */
export function joined(...parts: Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const STEP_MS = 20;
/** A step this much weaker than the loudest is no speech. */
const FLOOR = 0.04;
/** Speech whose envelope is less like a sentence's is not that sentence. Other sentences reach 0.6. */
const ALIKE = 0.85;
/** A sentence may have lost this much at its ends, and no more. */
const LOST_MS = 160;

/** Loudness of speech over time, from its first sound to its last, in steps of 20 ms. */
export function envelope(pcm: Int16Array, rateHz: number): Float64Array {
  const size = Math.round((rateHz * STEP_MS) / 1_000);
  const steps = Float64Array.from({ length: Math.floor(pcm.length / size) }, (_, step) => {
    let power = 0;
    for (let i = step * size; i < (step + 1) * size; i++) power += pcm[i]! ** 2;
    return Math.sqrt(power / size);
  });
  const floor = FLOOR * steps.reduce((most, one) => Math.max(most, one), 1);
  const first = steps.findIndex((one) => one > floor);
  const last = steps.findLastIndex((one) => one > floor);
  return steps.slice(Math.max(first, 0), last + 1);
}

/** Sentences that are told apart by their sound: a test's stand-in for speech recognition. */
export class KnownSentences {
  private readonly envelopes = new Map<string, Float64Array>();

  /** Learns sentences, as espeak-ng speaks them. */
  async learn(...texts: string[]): Promise<void> {
    const rateHz = 8_000;
    for (const text of texts) {
      this.envelopes.set(text, envelope(await spoken(text, rateHz), rateHz));
    }
  }

  /** Returns the sentence that was spoken, whole and by itself; '' when it is none of those known. */
  recognize(pcm: Int16Array, rateHz: number): string {
    const heard = envelope(atRate(pcm, rateHz, 8_000), 8_000);
    let best = { text: '', likeness: ALIKE };
    for (const [text, known] of this.envelopes) {
      if (Math.abs(heard.length - known.length) * STEP_MS > LOST_MS) continue;
      const likeness = alike(heard, known);
      if (likeness > best.likeness) best = { text, likeness };
    }
    return best.text;
  }
}

/** The highest correlation of two envelopes, shifted by what may be lost. */
function alike(a: Float64Array, b: Float64Array): number {
  const most = LOST_MS / STEP_MS;
  let best = 0;
  for (let shift = -most; shift <= most; shift++) {
    best = Math.max(
      best,
      correlation(a.subarray(Math.max(0, shift)), b.subarray(Math.max(0, -shift))),
    );
  }
  return best;
}

function correlation(a: Float64Array, b: Float64Array): number {
  const length = Math.min(a.length, b.length);
  const mean = (of: Float64Array) => of.subarray(0, length).reduce((x, y) => x + y, 0) / length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [dot, powerA, powerB] = [0, 0, 0];
  for (let i = 0; i < length; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    dot += x * y;
    powerA += x * x;
    powerB += y * y;
  }
  return dot / Math.sqrt(powerA * powerB || 1);
}
