import { envelope, spoken } from '../spoken.js';

const RATE_HZ = 8_000;

/** Length of speech, from its first sound to its last, in milliseconds. */
export const speechMs = (pcm: Int16Array, rateHz: number): number =>
  envelope(pcm, rateHz).length * 10;

/**
 * Speech by which the beginning of a text differs from what was heard of it, in milliseconds: 0 within the next word.
 * @throws {Error} where it does not begin so
 */
export async function heardErrorMs(text: string, kept: string, heardMs: number): Promise<number> {
  if (!text.startsWith(kept)) throw new Error(`"${text}" does not begin with "${kept}"`);
  const lengthOf = async (part: string) => speechMs(await spoken(part, RATE_HZ), RATE_HZ);
  const next = /^\s*\S+/.exec(text.slice(kept.length))?.[0] ?? '';
  const least = kept === '' ? 0 : await lengthOf(kept);
  return Math.max(0, least - heardMs, heardMs - (await lengthOf(kept + next)));
}
