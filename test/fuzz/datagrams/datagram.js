import fc from 'fast-check';
import { hex } from './bytes.js';
import { dtls, dtlsDatagrams } from './dtls.js';
import { rtcp, rtcpBytes, rtp, rtpBytes } from './rtp.js';
import { stun, stunBytes } from './stun.js';

/** Datagrams of those who have no key of the call. */
export const datagram = fc.oneof(
  stun(['none', 'wrong']),
  dtls,
  rtp,
  rtcp,
  fc.record({ kind: fc.constant('bytes'), value: fc.oneof(hex(30), hex(1_500)) }),
);
/** The datagrams of a description. */
export function datagramsOf(given, credentials) {
  switch (given.kind) {
    case 'stun':
      return [stunBytes(given, credentials)];
    case 'rtp':
      return [rtpBytes(given)];
    case 'rtcp':
      return [rtcpBytes(given)];
    case 'bytes':
      return [Buffer.from(given.value, 'hex')];
    default:
      return dtlsDatagrams(given);
  }
}
