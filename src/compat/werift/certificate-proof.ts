import { verify, X509Certificate } from 'node:crypto';
import type * as werift from 'werift';
import type { Handshake } from './handshake-fragments.js';

/** The messages in which the other side signs with the key of its certificate (RFC 5246, section 7.4). */
export const SERVER_KEY_EXCHANGE = 12;
export const CERTIFICATE_VERIFY = 15;

/** The hash that is agreed on for all signatures (RFC 5246, section 7.4.1.4.1). */
const SHA256 = 4;

/**
 * Tells whether the other side of a DTLS handshake has the key of the certificate that it showed. werift (seen in 0.24.4) looks at the
 * certificate alone, which goes over the network in the clear: whoever is between the two could show the client's as its own.
 *
 * @param message a {@link CERTIFICATE_VERIFY} of a client, or a {@link SERVER_KEY_EXCHANGE} of a server; it comes after the certificate
 */
export function provesCertificate(
  { cipher, dtls }: Pick<werift.DtlsSocket, 'cipher' | 'dtls'>,
  { msg_type, fragment }: Handshake,
): boolean {
  try {
    // The length of a public key is in the fourth byte of the parameters that it ends.
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
    // There is no certificate yet, or something in it is malformed.
    return false;
  }
}
