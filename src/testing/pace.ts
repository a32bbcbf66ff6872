/** Options of sending audio. */
export interface SpeakOptions {
  /** Pacing: `realtime` sends a frame every 20 ms, `asap` without pause. @default 'realtime' */
  readonly pace?: 'realtime' | 'asap';
}

export const FRAME_MS = 20;

/** Splits samples into frames of 20 ms, the last padded with silence, and yields them at the chosen pace. */
export async function* framesOf(
  pcm: Int16Array,
  sampleRateHz: number,
  { pace = 'realtime' }: SpeakOptions,
): AsyncGenerator<Int16Array> {
  const samples = (sampleRateHz * FRAME_MS) / 1_000;
  const start = performance.now();
  for (let i = 0; i * samples < pcm.length; i++) {
    if (pace === 'realtime') await until(start + i * FRAME_MS);
    const frame = new Int16Array(samples);
    frame.set(pcm.subarray(i * samples, (i + 1) * samples));
    yield frame;
  }
}

/** Resolves at an absolute time of `performance.now()`, so that delays do not accumulate. */
function until(timeMs: number): Promise<void> {
  const wait = timeMs - performance.now();
  return new Promise((resolve) => (wait > 0 ? setTimeout(resolve, wait) : setImmediate(resolve)));
}
