import { setImmediate } from 'node:timers/promises';
import type * as werift from 'werift';
import { HandshakeFragments, type Handshake } from './handshake-fragments.js';
import { expectMethods } from './werift-shape.js';
import { type KeyObject, verify, X509Certificate } from 'node:crypto';

/** Handshake messages signed with the key of the certificate (RFC 5246, section 7.4). */
const SERVER_KEY_EXCHANGE = 12;
const CERTIFICATE_VERIFY = 15;

/** Negotiated hash of all signatures (RFC 5246, section 7.4.1.4.1). */
const SHA256 = 4;

/**
 * Verifies that the peer of a DTLS handshake owns the key of its certificate. werift (seen in 0.24.4) checks only the certificate, which is sent in the
 * clear: a man in the middle could present the client's.
 * @param message a {@link CERTIFICATE_VERIFY} of a client, or a {@link SERVER_KEY_EXCHANGE} of a server; it follows the certificate
 */
function provesCertificate(
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
    if (!isOrdinary(publicKey)) return false;
    const signature = fragment.subarray(at + 4, at + 4 + fragment.readUInt16BE(at + 2));
    return verify('sha256', Buffer.concat(signed), publicKey, signature);
  } catch {
    // The certificate is missing, or something is malformed.
    return false;
  }
}

/** Largest modulus and public exponent of an RSA key: others take up to a hundred milliseconds for each signature. */
const MAX_RSA_BITS = 4_096;
const MAX_RSA_EXPONENT = 2n ** 32n;

/** True for a key of a certificate of WebRTC (RFC 8827, section 6.5), whose signatures are verified in a moment. */
export function isOrdinary({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): boolean {
  if (asymmetricKeyType !== 'rsa') return asymmetricKeyType === 'ec';
  const { modulusLength = Infinity, publicExponent = MAX_RSA_EXPONENT } = asymmetricKeyDetails;
  return modulusLength <= MAX_RSA_BITS && publicExponent < MAX_RSA_EXPONENT;
}

/** The most fingerprints of certificates, the latest ones. */
const MAX_FINGERPRINTS = 20;

/**
 * Keeps the latest fingerprints of certificates; werift (seen in 0.24.4) keeps those of every offer.
 * @throws {Error} when werift's internals differ
 */
export function limitFingerprints(
  transport: Pick<werift.RTCDtlsTransport, 'setRemoteParams'>,
): void {
  expectMethods('DTLS transport', transport, ['setRemoteParams']);
  const kept = transport as { remoteParameters?: werift.RTCDtlsParameters };
  const setRemoteParams = transport.setRemoteParams.bind(transport);
  transport.setRemoteParams = (parameters) => {
    setRemoteParams(parameters);
    const { fingerprints = [] } = kept.remoteParameters ?? {};
    fingerprints.splice(0, Math.max(0, fingerprints.length - MAX_FINGERPRINTS));
  };
}

/** RFC 6347, section 4.1. */
const RECORD_HEADER_BYTES = 13;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
/** RFC 5246, section 7.2. */
const FATAL = 2;
const CLOSE_NOTIFY = 0;
/** RFC 5246, section 7.4. */
const CLIENT_HELLO = 1;
const FINISHED = 20;
/** Messages that change keys, the certificate or the cookie; only the first of each is accepted. */
const ONCE: readonly number[] = [2, 3, 11, SERVER_KEY_EXCHANGE, 13, CERTIFICATE_VERIFY, 16];
const PROOFS: readonly number[] = [SERVER_KEY_EXCHANGE, CERTIFICATE_VERIFY];
/** Flight of a server that has received its cookie. */
const COOKIE_SEEN = 4;

/** The most records of a datagram: more than a flight of a handshake has. Others are dropped. */
const MAX_RECORDS = 20;
/** The most messages of a handshake, with those that come again, and of them proofs, which each take a part of a millisecond. */
const MAX_MESSAGES = 100;
const MAX_PROOFS = 10;

/** DTLS record, as werift's cipher accepts it. */
type Plaintext = Parameters<werift.CipherContext['decryptPacket']>[0];
type DtlsRecord = Pick<Plaintext, 'recordLayerHeader' | 'fragment'>;

/**
 * Guards a DTLS connection of werift's (seen in 0.24.4), which trusts unauthenticated records:
 *
 * - Accepts only handshake messages in the clear, until the handshake is complete, and no Finished. A retransmitted last flight of the peer is
 *   answered by retransmitting our own.
 * - Requires authentic alerts, and refuses DTLS renegotiation.
 * - Reassembles handshake fragments in any order, within limits.
 * - Requires proof that the peer owns the key of its certificate, by one of ten attempts.
 * - Drops what would keep it busy: records and messages without end, and keys that take long.
 * @param dtls a connection before its first datagram
 * @throws {Error} when werift's internals differ
 */
export function guardDtls(dtls: werift.DtlsSocket): void {
  const { socket } = dtls.transport;
  expectMethods('DTLS socket', dtls, ['handleFragmentHandshake', 'onHandleHandshakes']);
  expectMethods('DTLS transport', socket, ['onData']);
  expectMethods('DTLS cipher', dtls.cipher, ['decryptPacket']);
  const receive = socket.onData as (data: Buffer) => void;

  /** True for a record that werift may process. */
  const admits = (record: DtlsRecord): boolean => {
    const { contentType, epoch } = record.recordLayerHeader;
    if (epoch === 0) return !dtls.connected && contentType === HANDSHAKE;
    // werift drops a record that cannot be decrypted.
    if (contentType === APPLICATION_DATA) return dtls.connected;
    if (contentType === ALERT && endsCall(dtls, record)) dtls.onClose.execute();
    return contentType === HANDSHAKE;
  };
  // True while werift reads an encrypted record.
  let sealed = false;
  socket.onData = (datagram: Buffer) => {
    for (const [record, bytes] of recordsOf(datagram)) {
      if (!admits(record)) continue;
      sealed = record.recordLayerHeader.epoch > 0;
      receive(bytes);
    }
  };

  const fragments = new HandshakeFragments();
  dtls.onConnect.once(() => fragments.clear());
  dtls.handleFragmentHandshake = (parts) => parts.flatMap((part) => fragments.add(part) ?? []);

  let [messages, proofs] = [0, 0];
  const taken = new Set<number>();
  const handle = dtls.onHandleHandshakes;
  dtls.onHandleHandshakes = async ([message]) => {
    if (!message || taken.has(message.msg_type)) return;
    const { msg_type: type, fragment } = message;
    if ((type === FINISHED) !== sealed) return;
    if (type === CLIENT_HELLO && dtls.dtls.flight >= COOKIE_SEEN && !hasCookie(fragment)) return;
    if (++messages > MAX_MESSAGES || (PROOFS.includes(type) && ++proofs > MAX_PROOFS)) return;
    // werift processes the preceding certificate in a microtask.
    if (type === SERVER_KEY_EXCHANGE) await setImmediate();
    if (PROOFS.includes(type) && !provesCertificate(dtls, message)) return;
    if (ONCE.includes(type)) taken.add(type);
    await handle([message]);
  };
}

/** True for an authentic alert that ends the connection. */
function endsCall(dtls: werift.DtlsSocket, alert: DtlsRecord): boolean {
  try {
    const [level, description] = dtls.cipher.decryptPacket(alert as Plaintext);
    return level === FATAL || description === CLOSE_NOTIFY;
  } catch {
    return false;
  }
}

/** True for a ClientHello with cookie; the first, without, may arrive late. */
function hasCookie(clientHello: Buffer): boolean {
  // Offset after the version, 32 random bytes and a session id.
  return (clientHello[35 + (clientHello[34] ?? 0)] ?? 0) > 0;
}

/** Parses the complete records in a datagram, the first of them. */
function* recordsOf(datagram: Buffer): Generator<[DtlsRecord, Buffer]> {
  let count = 0;
  for (let at = 0; at + RECORD_HEADER_BYTES <= datagram.length && count < MAX_RECORDS; count++) {
    const contentLen = datagram.readUInt16BE(at + 11);
    const bytes = datagram.subarray(at, (at += RECORD_HEADER_BYTES + contentLen));
    if (bytes.length < RECORD_HEADER_BYTES + contentLen) return;
    const recordLayerHeader = {
      contentType: bytes.readUInt8(0),
      protocolVersion: { major: bytes.readUInt8(1), minor: bytes.readUInt8(2) },
      epoch: bytes.readUInt16BE(3),
      sequenceNumber: bytes.readUIntBE(5, 6),
      contentLen,
    };
    yield [{ recordLayerHeader, fragment: bytes.subarray(RECORD_HEADER_BYTES) }, bytes];
  }
}
