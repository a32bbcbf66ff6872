/** The tones that stand for a bot's first words, and for its answer to what it heard. */
export const GREETING_HZ = 440;
export const ANSWER_HZ = 880;

export const WINDOW_SECS = 0.05;
/** Windows that make a tone: 0.3 s of the 0.8 s that are played. */
const ENOUGH = 6;

export const rms = (pcm: Int16Array): number =>
  Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / (pcm.length || 1));

/** Returns whether a tone can be heard in a sound: windows of it whose power is that frequency's. */
export const hasTone = (pcm: Int16Array, rateHz: number, hz: number): boolean =>
  loudWindows(pcm, rateHz).filter((window) => isTone(window, rateHz, hz)).length >= ENOUGH;

/** Windows of {@link WINDOW_SECS} that are not silent. */
export function loudWindows(pcm: Int16Array, rateHz: number): Int16Array[] {
  const size = Math.round(WINDOW_SECS * rateHz);
  return Array.from({ length: Math.floor(pcm.length / size) }, (_, i) =>
    pcm.subarray(i * size, (i + 1) * size),
  ).filter((window) => rms(window) > 300);
}

/** Returns whether a frequency has most of the power of a window, by Goertzel's algorithm. */
export function isTone(window: Int16Array, rateHz: number, hz: number): boolean {
  const twiceCos = 2 * Math.cos((2 * Math.PI * hz) / rateHz);
  let last = 0;
  let lastButOne = 0;
  let power = 0;
  for (const sample of window) {
    [last, lastButOne] = [sample + twiceCos * last - lastButOne, last];
    power += sample * sample;
  }
  const tonePower = last * last + lastButOne * lastButOne - twiceCos * last * lastButOne;
  return (2 * tonePower) / (window.length * (power || 1)) > 0.5;
}
