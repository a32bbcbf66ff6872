/** A frame of PCM audio. */
export interface AudioFrame {
  /** 16-bit samples, interleaved when there are several channels. */
  readonly pcm: Int16Array;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Capture time, in milliseconds since the stream began. */
  readonly timestampMs: number;
}
