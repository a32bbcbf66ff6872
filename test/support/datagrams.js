import { createSocket } from 'node:dgram';
import * as werift from 'werift';

/** A DTLS 1.2 record. */
export function dtlsRecord(type, body, { epoch = 0, sequence = 0 } = {}) {
  const header = Buffer.from([type, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt16BE(epoch, 3);
  header.writeUIntBE(sequence, 5, 6);
  header.writeUInt16BE(body.length, 11);
  return Buffer.concat([header, body]);
}

/** A DTLS handshake message in the clear, or a part of one. */
export function dtlsHandshake(type, body, { sequence = 0, length = body.length, offset = 0 } = {}) {
  const header = Buffer.alloc(12);
  header.writeUInt8(type, 0);
  header.writeUIntBE(length, 1, 3);
  header.writeUInt16BE(sequence, 4);
  header.writeUIntBE(offset, 6, 3);
  header.writeUIntBE(body.length, 9, 3);
  return dtlsRecord(22, Buffer.concat([header, body]), { sequence });
}

/** A ClientHello that werift answers. */
export const clientHello = () =>
  dtlsHandshake(
    1,
    Buffer.concat([
      Buffer.from([0xfe, 0xfd]),
      Buffer.alloc(32, 7),
      // No session id, no cookie, ECDHE-ECDSA with AES-128-GCM, no compression, the curve P-256.
      Buffer.from([0, 0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 8, 0, 10, 0, 4, 0, 2, 0, 23]),
    ]),
  );

/** The `i`th part of handshake messages that never become whole. */
export const endlessFragment = (i, bytes = 1_000) =>
  dtlsHandshake(11, Buffer.alloc(bytes, i), {
    sequence: i & 0xffff,
    length: 16_000,
    offset: (i * 7) % 15_000,
  });

/** A connectivity check that names a user, and that somebody may have signed. */
export function connectivityCheck(username, password) {
  const check = new werift.Message(werift.methods.BINDING, werift.classes.REQUEST)
    .setAttribute('USERNAME', username)
    .setAttribute('PRIORITY', 1)
    .setAttribute('ICE-CONTROLLING', 1n)
    .setAttribute('USE-CANDIDATE', null);
  if (password !== undefined) check.addMessageIntegrity(Buffer.from(password));
  return check.addFingerprint().bytes;
}

/** An RTP packet whose header extension is longer than the packet, as it says. */
export function endlessExtension() {
  const packet = Buffer.alloc(40, 0x10);
  packet.writeUInt16BE(0x9060, 0);
  packet.writeUInt16BE(0xbede, 12);
  packet.writeUInt16BE(0xffff, 14);
  return packet;
}

/** A UDP socket that nobody expects to hear of. */
export class Stranger {
  #target;

  constructor(socket, target) {
    this.socket = socket;
    this.#target = target;
  }

  /** @param target the address that it sends to */
  static async open(target) {
    const socket = createSocket('udp4');
    await new Promise((resolve) => socket.bind(0, resolve));
    return new Stranger(socket, target);
  }

  send(data) {
    const [host, port] = this.#target;
    return new Promise((resolve, reject) =>
      this.socket.send(data, port, host, (error) => (error ? reject(error) : resolve())),
    );
  }

  close() {
    return new Promise((resolve) => this.socket.close(() => resolve()));
  }
}
