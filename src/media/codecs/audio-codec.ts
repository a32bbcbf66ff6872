/** How samples are written on the wire. One for each direction of each call: some remember what came before. */
export interface AudioCodec {
  readonly sampleRateHz: number;
  /** @returns the samples; `undefined` when the bytes cannot be what they should */
  decode(bytes: Buffer): Int16Array | undefined;
  encode(pcm: Int16Array): Buffer;
}
