import { createHmac, timingSafeEqual } from 'node:crypto';

/** RFC 8489, sections 5, 14 and 18. */
const HEADER_BYTES = 20;
const MAGIC_COOKIE = 0x2112a442;
const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const INTEGRITY_BYTES = 24;
const FINGERPRINT_BYTES = 8;
/** Largest STUN message of ICE, in bytes: one Ethernet frame. */
const MAX_BYTES = 1_500;

/**
 * Returns the class of a STUN message; success and error are both `response`.
 * @returns `undefined` for any other datagram, or one that is too large
 */
export function stunClassOf(data: Buffer): 'request' | 'indication' | 'response' | undefined {
  if (data.length < HEADER_BYTES || data.length > MAX_BYTES || data[0]! > 3) return undefined;
  if (data.readUInt32BE(4) !== MAGIC_COOKIE) return undefined;
  if (data.readUInt16BE(2) !== data.length - HEADER_BYTES) return undefined;
  const bits = data.readUInt16BE(0) & 0x0110;
  if (bits === 0) return 'request';
  return bits === 0x0010 ? 'indication' : 'response';
}

/** True for a response that refuses a request. @param data STUN message */
export const isStunError = (data: Buffer): boolean => (data.readUInt16BE(0) & 0x0110) === 0x0110;

/** Returns the transaction id of a STUN message, in hexadecimal. */
export const stunTransactionOf = (data: Buffer): string => data.toString('hex', 8, HEADER_BYTES);

/**
 * Verifies the MESSAGE-INTEGRITY of a connectivity check (RFC 8445, section 7.3), in linear time. Never throws.
 * @param data STUN message, as classified by {@link stunClassOf}
 * @param passwordOf returns the password of one of our username fragments
 */
export function isAuthenticCheck(
  data: Buffer,
  passwordOf: (ufrag: string) => string | undefined,
): boolean {
  let password: string | undefined;
  for (let at = HEADER_BYTES; at + 4 <= data.length;) {
    const type = data.readUInt16BE(at);
    const end = at + 4 + data.readUInt16BE(at + 2);
    if (type === MESSAGE_INTEGRITY) return password !== undefined && isSigned(data, at, password);
    if (type === USERNAME) {
      password = passwordOf(data.toString('latin1', at + 4, end).split(':', 1)[0]!);
    }
    at = Math.ceil(end / 4) * 4;
  }
  return false;
}

/** Verifies a MESSAGE-INTEGRITY attribute, which only a FINGERPRINT may follow, since the rest would not be covered. */
function isSigned(data: Buffer, at: number, password: string): boolean {
  const rest = data.length - at - INTEGRITY_BYTES;
  if (data.readUInt16BE(at + 2) !== INTEGRITY_BYTES - 4) return false;
  if (rest !== 0 && rest !== FINGERPRINT_BYTES) return false;
  // Computed as if the message ended with it.
  const length = Buffer.alloc(2);
  length.writeUInt16BE(at + INTEGRITY_BYTES - HEADER_BYTES);
  const expected = createHmac('sha1', password)
    .update(data.subarray(0, 2))
    .update(length)
    .update(data.subarray(4, at))
    .digest();
  return timingSafeEqual(expected, data.subarray(at + 4, at + INTEGRITY_BYTES));
}
