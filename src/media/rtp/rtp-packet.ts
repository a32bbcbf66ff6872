/** A piece of sound or picture as RTP carries it (RFC 3550), decrypted. */
export interface RtpPacket {
  readonly ssrc: number;
  readonly payloadType: number;
  /** 16 bits, wraps around. */
  readonly sequenceNumber: number;
  /** 32 bits, wraps around; in units of the codec's clock: 48,000 a second for Opus, 90,000 for video. */
  readonly timestamp: number;
  /** Video: the last packet of a picture. */
  readonly marker: boolean;
  readonly payload: Buffer;
}

/** What goes out: who sends it knows its stream and its number. */
export type OutgoingRtp = Pick<RtpPacket, 'payload' | 'timestamp' | 'marker'>;

/** How far `to` is ahead of `from` (negative: behind), for numbers that wrap around at so many bits. */
export function wrappedDistance(from: number, to: number, bits: 16 | 32): number {
  const half = 2 ** (bits - 1);
  const distance = (((to - from) % (2 * half)) + 2 * half) % (2 * half);
  return distance < half ? distance : distance - 2 * half;
}
