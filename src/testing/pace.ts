/** How fast a fake caller or client speaks. */
export interface SpeakOptions {
  /**
   * `realtime` sends a frame each 20 ms, as people speak; `asap` sends as fast as the connection takes them.
   * @default 'realtime'
   */
  readonly pace?: 'realtime' | 'asap';
}

/** How long a frame is, in milliseconds. */
export const FRAME_MS = 20;

/** Cuts samples into frames of 20 ms, the last filled up with silence, and hands them out at the pace asked for. */
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

/** Resolves at a time on the clock of `performance`, so that lateness does not add up. */
function until(timeMs: number): Promise<void> {
  const wait = timeMs - performance.now();
  return new Promise((resolve) => (wait > 0 ? setTimeout(resolve, wait) : setImmediate(resolve)));
}
