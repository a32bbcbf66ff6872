/** What the `capture` worklet is to do. */
export interface CaptureOptions {
  /** How many inputs there are; each becomes a channel. */
  readonly inputs: number;
  readonly sampleRateHz: number;
  /** The size of what it posts. */
  readonly chunkFrames: number;
}

/** What the `player` worklet gets: samples to play after all others, that it is to be silent, or that this was all. */
export type PlayerMessage = Int16Array | 'clear' | 'stop';
