/** A decrypted RTP packet (RFC 3550). */
export interface RtpPacket {
  readonly ssrc: number;
  readonly payloadType: number;
  /** 16 bits; wraps around. */
  readonly sequenceNumber: number;
  /** 32 bits; wraps around. In ticks of the codec's clock: 48,000 Hz for Opus, 90,000 Hz for video. */
  readonly timestamp: number;
  /** Marker bit. Video: the last packet of a frame. */
  readonly marker: boolean;
  readonly payload: Buffer;
}

/** An RTP packet to send; the sender adds SSRC and sequence number. */
export type OutgoingRtp = Pick<RtpPacket, 'payload' | 'timestamp' | 'marker'>;

/** Returns how far `to` is ahead of `from` (negative: behind), for numbers that wrap around at `bits` bits. */
export function wrappedDistance(from: number, to: number, bits: 16 | 32): number {
  const half = 2 ** (bits - 1);
  const distance = (((to - from) % (2 * half)) + 2 * half) % (2 * half);
  return distance < half ? distance : distance - 2 * half;
}
