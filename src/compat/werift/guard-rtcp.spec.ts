import { describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import { guardRtcp } from './guard-rtcp.js';

/** A transport whose datagrams are not encrypted, as it is guarded. */
function decryptOf(): (data: Buffer) => Buffer {
  const plain = { decrypt: (data: Buffer) => data };
  const transport = { startSrtp: () => undefined, srtcp: plain };
  guardRtcp(transport as never);
  transport.startSrtp();
  return (data) => transport.srtcp.decrypt(data);
}

/** Empty descriptions of sources. */
const descriptions = (count: number): Buffer =>
  Buffer.alloc(4 * count, Buffer.from([0x80, 202, 0, 0]));

describe('RTCP of a client', () => {
  it('is taken with twenty packets, and dropped with more', () => {
    const decrypt = decryptOf();
    expect(decrypt(descriptions(20))).toHaveLength(80);
    expect(decrypt(descriptions(21))).toHaveLength(0);
  });

  it('counts packets by their length', () => {
    const report = Buffer.alloc(4 + 400);
    report.set([0x80, 201, 0, 100]);
    expect(decryptOf()(report)).toBe(report);
  });

  it('is guarded in the transport of werift that is installed', () => {
    const pc = new werift.RTCPeerConnection();
    pc.addTransceiver('audio');
    expect(() => guardRtcp(pc.dtlsTransports[0]!)).not.toThrow();
    void pc.close();
  });

  it('is refused when werift works in another way', () => {
    expect(() => guardRtcp({} as never)).toThrow(/startSrtp/);
  });
});
