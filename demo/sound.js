import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of the recorded speech. */
export const RECORDING = fileURLToPath(new URL('inaugural-1961.wav', import.meta.url));

/** Returns the recorded speech: 16-bit samples at 8 kHz. */
export function recordedSpeech() {
  const wav = readFileSync(RECORDING);
  const data = wav.indexOf('data');
  const format = wav.indexOf('fmt ');
  if (
    wav.readUInt16LE(format + 10) !== 1 ||
    wav.readUInt32LE(format + 12) !== 8000 ||
    wav.readUInt16LE(format + 22) !== 16
  ) {
    throw new Error('The recording must be 16-bit mono at 8 kHz.');
  }
  const length = wav.readUInt32LE(data + 4) / 2;
  return Int16Array.from({ length }, (_, i) => wav.readInt16LE(data + 8 + i * 2));
}

/** Compared at a time, in samples: half a second. Where the machine stalls there are gaps between such pieces, seldom within. */
const PIECE = 4_000;
/** Lags that a piece is looked for at: of an echo, and after a gap. */
const LAGS = 400;
const LAGS_AFTER_GAP = 16_000;

/** Returns how similar an echo is to what was said: 1 for identical audio, the median over the pieces that were said. */
export function likeness(said, heard) {
  const all = [];
  let lag = 0;
  for (let at = 0; at + PIECE <= said.length; at += PIECE) {
    const piece = said.subarray(at, at + PIECE);
    let best = mostSimilar(piece, heard, at + lag, LAGS);
    if (best.similarity < 0.9) best = mostSimilar(piece, heard, at + lag, LAGS_AFTER_GAP);
    if (best.similarity >= 0.9) lag = Math.max(0, best.at - at - LAGS / 2);
    all.push(best.similarity);
  }
  return all.sort((a, b) => a - b)[all.length >> 1];
}

/** The place in a sound that is most similar to a piece, by normalized cross-correlation, from `from` on. */
function mostSimilar(piece, heard, from, lags) {
  let best = { at: from, similarity: 0 };
  for (let at = from; at < from + lags && at + piece.length <= heard.length; at++) {
    let [dot, powerSaid, powerHeard] = [0, 0, 0];
    for (let i = 0; i < piece.length; i++) {
      dot += piece[i] * heard[at + i];
      powerSaid += piece[i] ** 2;
      powerHeard += heard[at + i] ** 2;
    }
    const similarity = dot / Math.sqrt(powerSaid * powerHeard || 1);
    if (similarity > best.similarity) best = { at, similarity };
  }
  return best;
}
