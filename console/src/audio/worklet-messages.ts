/** Order to the `capture` worklet. */
export interface CaptureOptions {
  /** Number of inputs; each becomes a channel. */
  readonly inputs: number;
  readonly sampleRateHz: number;
  /** The size of what it posts. */
  readonly chunkFrames: number;
}

/** Message to the `player` worklet: samples to play after all others, that it is to be silent, or that this was all. */
export type PlayerMessage = Int16Array | 'clear' | 'stop';
