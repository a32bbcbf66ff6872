import type * as werift from 'werift';
import { expectMethods } from './werift-shape.js';

/** The most packets of a compound; those of browsers have up to five. */
const MAX_PACKETS = 20;
/** RFC 3550, section 6.1. */
const HEADER_BYTES = 4;
const NONE = Buffer.alloc(0);

/** DTLS transport of werift's, with its SRTCP session once that is there. */
type Transport = Pick<werift.RTCDtlsTransport, 'startSrtp' | 'srtcp'>;

/**
 * Drops decrypted RTCP of many packets. werift (seen in 0.24.4) parses each packet up to the end of the datagram, in quadratic time.
 * @throws {Error} when werift's internals differ
 */
export function guardRtcp(transport: Transport): void {
  expectMethods('DTLS transport', transport, ['startSrtp']);
  const startSrtp = transport.startSrtp.bind(transport);
  transport.startSrtp = () => {
    startSrtp();
    const { srtcp } = transport;
    expectMethods('SRTCP session', srtcp, ['decrypt']);
    const decrypt = srtcp.decrypt.bind(srtcp);
    srtcp.decrypt = (data) => {
      const compound = decrypt(data);
      return hasFewPackets(compound) ? compound : NONE;
    };
  };
}

function hasFewPackets(compound: Buffer): boolean {
  let count = 0;
  for (let at = 0; at + HEADER_BYTES <= compound.length; count++) {
    at += HEADER_BYTES + 4 * compound.readUInt16BE(at + 2);
  }
  return count <= MAX_PACKETS;
}
