export declare function sctpChunk(
  type: number,
  value?: Buffer,
  options?: { flags?: number; length?: number },
): Buffer;
export declare function sctpData(
  tsn: number,
  text: string | Buffer,
  flags?: number,
  stream?: number,
): Buffer;
export declare function sctpSack(cumulativeTsn: number, gaps: readonly [number, number][]): Buffer;
export declare function sctpPacket(tag: number, chunks: readonly Buffer[]): Buffer;
