/** The tones that stand for a bot's first words, and for its answer to what it heard. */
export const GREETING_HZ = 440;
export const ANSWER_HZ = 880;

const WINDOW_SECS = 0.05;
/** Windows that make a tone: 0.3 s of the 0.8 s that are played. */
const ENOUGH = 6;

export const rms = (pcm: Int16Array): number =>
  Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / (pcm.length || 1));

/** Returns whether a tone can be heard in a sound. */
export const hasTone = (pcm: Int16Array, rateHz: number, hz: number): boolean =>
  secondsWithTone(pcm, rateHz, hz) >= ENOUGH * WINDOW_SECS;

/** Seconds of a sound whose power is a frequency's. */
export function secondsWithTone(pcm: Int16Array, rateHz: number, hz: number): number {
  const size = Math.round(WINDOW_SECS * rateHz);
  let found = 0;
  for (let i = 0; i + size <= pcm.length; i += size) {
    const window = pcm.subarray(i, i + size);
    if (rms(window) > 300 && shareOf(window, rateHz, hz) > 0.5) found++;
  }
  return found * WINDOW_SECS;
}

/** The share of a frequency in the power of a sound, from 0 to 1. */
function shareOf(pcm: Int16Array, rateHz: number, hz: number): number {
  let re = 0;
  let im = 0;
  let power = 0;
  for (let i = 0; i < pcm.length; i++) {
    const angle = (2 * Math.PI * hz * i) / rateHz;
    re += pcm[i]! * Math.cos(angle);
    im += pcm[i]! * Math.sin(angle);
    power += pcm[i]! ** 2;
  }
  return (2 * (re * re + im * im)) / (pcm.length * (power || 1));
}
