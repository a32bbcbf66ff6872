/** RFC 3550, section 5. */
const FIXED_HEADER_BYTES = 12;
const EXTENSION_HEADER_BYTES = 4;
/** Largest header extension, in bytes. None is negotiated, so peers need no larger one. */
const MAX_EXTENSION_BYTES = 256;

/**
 * True for an RTP packet whose header extension is short and within the packet. werift (seen in 0.24.4) trusts its length before the packet is
 * authenticated, in quadratic time: 40 bytes block it for more than a minute.
 */
export function hasSoundExtension(packet: Buffer): boolean {
  const first = packet[0]!;
  if ((first & 0x10) === 0) return true;
  const at = FIXED_HEADER_BYTES + 4 * (first & 0x0f);
  if (at + EXTENSION_HEADER_BYTES > packet.length) return false;
  const bytes = 4 * packet.readUInt16BE(at + 2);
  return bytes <= MAX_EXTENSION_BYTES && at + EXTENSION_HEADER_BYTES + bytes <= packet.length;
}
