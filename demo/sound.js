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

/** Returns the highest normalized cross-correlation of input and echo over all lags: 1 for identical audio. */
export function likeness(said, heard, lags = 400) {
  let best = 0;
  for (let lag = 0; lag < lags; lag++) {
    let [dot, powerSaid, powerHeard] = [0, 0, 0];
    for (let i = 0; i + lag < heard.length && i < said.length; i++) {
      dot += said[i] * heard[i + lag];
      powerSaid += said[i] ** 2;
      powerHeard += heard[i + lag] ** 2;
    }
    best = Math.max(best, dot / Math.sqrt(powerSaid * powerHeard));
  }
  return best;
}
