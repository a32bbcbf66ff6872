import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
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

/** Generic NACK. @param words the number of its entries, of one packet and those of a bit mask after it */
function nack(words: number, mask = 0xffff): Buffer {
  const packet = Buffer.alloc(12 + 4 * words);
  packet.set([0x81, 205]);
  packet.writeUInt16BE(2 + words, 2);
  for (let at = 12; at < packet.length; at += 4) packet.writeUInt16BE(mask, at + 2);
  return packet;
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

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

  it('has as many packets sent again in a second as a bad network loses, and no more', () => {
    const decrypt = decryptOf();
    // Seventeen packets in each word.
    const once = nack(29);
    expect(decrypt(once)).toBe(once);
    expect(decrypt(once)).toHaveLength(0);
    const one = nack(1, 0);
    for (let i = 0; i < 7; i++) expect(decrypt(one)).toBe(one);
    expect(decrypt(one)).toHaveLength(0);
    expect(decrypt(descriptions(1))).toHaveLength(4);
    jest.advanceTimersByTime(1_000);
    expect(decrypt(once)).toBe(once);
  });

  it('cannot have thousands of packets sent again by one of its own', () => {
    expect(decryptOf()(nack(340))).toHaveLength(0);
    // werift reads each packet up to the end of them all.
    expect(decryptOf()(Buffer.concat(Array.from({ length: 8 }, () => nack(5))))).toHaveLength(0);
  });

  it('reports no arrivals of what has no numbers for it', () => {
    // Transport-wide congestion control (TWCC) is not negotiated.
    const report = nack(1, 0);
    expect(decryptOf()(report)).toBe(report);
    report[0] = 0x8f;
    expect(decryptOf()(report)).toHaveLength(0);
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
