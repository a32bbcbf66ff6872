import { verify, X509Certificate } from 'node:crypto';
import type * as werift from 'werift';
import type { Handshake } from './handshake-fragments.js';

/** Handshake messages signed with the key of the certificate (RFC 5246, section 7.4). */
export const SERVER_KEY_EXCHANGE = 12;
export const CERTIFICATE_VERIFY = 15;

/** Negotiated hash of all signatures (RFC 5246, section 7.4.1.4.1). */
const SHA256 = 4;

/**
 * Verifies that the peer of a DTLS handshake owns the key of its certificate. werift (seen in 0.24.4) checks only the certificate, which is sent in the
 * clear: a man in the middle could present the client's.
 *
 * @param message a {@link CERTIFICATE_VERIFY} of a client, or a {@link SERVER_KEY_EXCHANGE} of a server; it follows the certificate
 */
export function provesCertificate(
  { cipher, dtls }: Pick<werift.DtlsSocket, 'cipher' | 'dtls'>,
  { msg_type, fragment }: Handshake,
): boolean {
  try {
    // The fourth byte is the length of the public key, which ends the parameters.
    const at = msg_type === SERVER_KEY_EXCHANGE ? 4 + fragment.readUInt8(3) : 0;
    const signed =
      msg_type === SERVER_KEY_EXCHANGE
        ? [
            cipher.localRandom.serialize(),
            cipher.remoteRandom.serialize(),
            fragment.subarray(0, at),
          ]
        : dtls.sortedHandshakeCache.map((message) => message.serialize());
    if (fragment.readUInt8(at) !== SHA256) return false;
    const { publicKey } = new X509Certificate(cipher.remoteCertificate!);
    const signature = fragment.subarray(at + 4, at + 4 + fragment.readUInt16BE(at + 2));
    return verify('sha256', Buffer.concat(signed), publicKey, signature);
  } catch {
    // The certificate is missing, or something is malformed.
    return false;
  }
}
