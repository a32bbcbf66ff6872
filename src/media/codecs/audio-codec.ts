/** Audio codec of one direction of a call. Codecs may be stateful. */
export interface AudioCodec {
  readonly sampleRateHz: number;
  /** @returns the samples; `undefined` for malformed bytes */
  decode(bytes: Buffer): Int16Array | undefined;
  encode(pcm: Int16Array): Buffer;
}
