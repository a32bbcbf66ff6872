/** A piece of sound. */
export interface AudioFrame {
  /** 16-bit samples; those of several channels alternate. */
  readonly pcm: Int16Array;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** When it was spoken, in milliseconds since the stream began. */
  readonly timestampMs: number;
}
