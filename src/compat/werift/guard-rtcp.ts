import type * as werift from 'werift';
import { PerSecond } from '../../limits/per-second.js';
import { expectMethods } from './werift-shape.js';

/** The most packets of a compound; those of browsers have up to five. */
const MAX_PACKETS = 20;
/** RFC 3550, section 6.1. */
const HEADER_BYTES = 4;
const NONE = Buffer.alloc(0);

/** Transport-layer feedback, and its format of a generic NACK (RFC 4585, section 6.2). */
const TRANSPORT_FEEDBACK = 205;
const GENERIC_NACK = 1;
/** Of a NACK, before its entries. */
const NACK_HEADER_BYTES = 12;
const NACK_ENTRY_BYTES = 4;
/** The most packets that a client has sent again in a second: all of a video of several Mbit/s. */
const MAX_AGAIN = 500;

/** DTLS transport of werift's, with its SRTCP session once that is there. */
type Transport = Pick<werift.RTCDtlsTransport, 'startSrtp' | 'srtcp'>;

/**
 * Drops decrypted RTCP of many packets, which werift (seen in 0.24.4) parses each up to the end of the datagram, in quadratic time, and what has it send
 * packets again without limit: 1,400 bytes that name the same ones over and over are answered with thousands. Reports for congestion control (TWCC),
 * which are not negotiated, are dropped as well.
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
    const again = new PerSecond(MAX_AGAIN);
    srtcp.decrypt = (data) => {
      const compound = decrypt(data);
      return again.take(packetsAskedFor(compound)) ? compound : NONE;
    };
  };
}

/** Returns the number of packets that werift would send again; `Infinity` for a compound that it cannot handle. */
function packetsAskedFor(compound: Buffer): number {
  let [count, asked] = [0, 0];
  for (let at = 0; at + HEADER_BYTES <= compound.length; count++) {
    if (count === MAX_PACKETS) return Infinity;
    if (compound[at + 1] === TRANSPORT_FEEDBACK) {
      if ((compound[at]! & 0x1f) !== GENERIC_NACK) return Infinity;
      asked += packetsIn(compound.subarray(at + NACK_HEADER_BYTES));
    }
    at += HEADER_BYTES + 4 * compound.readUInt16BE(at + 2);
  }
  return asked;
}

/** Counts the packets of NACK entries, of which each names one, and with bits those after it. */
function packetsIn(entries: Buffer): number {
  let count = 0;
  for (let at = 0; at + NACK_ENTRY_BYTES <= entries.length; at += NACK_ENTRY_BYTES) {
    count++;
    for (let bits = entries.readUInt16BE(at + 2); bits > 0; bits &= bits - 1) count++;
  }
  return count;
}
