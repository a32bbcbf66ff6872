import { describe, expect, it } from '@jest/globals';
import { sctpChunk, sctpData, sctpPacket, sctpSack } from '../../../test/support/sctp-packets.js';
import { isSoundSctp } from './sctp-packet.js';

const HEARTBEAT = 4;
const INIT = 1;
const RECONFIG = 130;

/** A parameter, after whatever comes before it in a chunk. */
const parameter = (length: number, before = 0): Buffer =>
  Buffer.concat([Buffer.alloc(before), sctpChunk(0, Buffer.alloc(8), { length })]);

describe('an SCTP packet', () => {
  it.each([
    ['without chunks', []],
    ['with data', [sctpData(1, 'hello'), sctpData(2, 'world!')]],
    ['with a SACK', [sctpSack(1, [])]],
    [
      'with a SACK of the gaps that can be',
      [
        sctpSack(1, [
          [2, 6],
          [9, 9],
        ]),
      ],
    ],
    ['with an INIT', [sctpChunk(INIT, parameter(12, 16))]],
    ['with a HEARTBEAT', [sctpChunk(HEARTBEAT, parameter(12))]],
    ['with a parameter that is only a header', [sctpChunk(RECONFIG, sctpChunk(0))]],
    ['with a chunk that is only a header', [sctpChunk(11)]],
  ])('%s is sound', (_, chunks) => {
    expect(isSoundSctp(sctpPacket(7, chunks), 20)).toBe(true);
  });

  it.each([
    ['with a chunk of no length', [sctpChunk(HEARTBEAT, parameter(12), { length: 0 })]],
    ['with a chunk shorter than its header', [sctpChunk(HEARTBEAT, parameter(12), { length: 3 })]],
    ['with a chunk longer than the packet', [sctpChunk(HEARTBEAT, parameter(12), { length: 20 })]],
    [
      'with a bad chunk after a good one',
      [sctpData(1, 'x'), sctpChunk(5, undefined, { length: 0 })],
    ],
    ...[4, 5, 6, 9, RECONFIG].flatMap((type): [string, Buffer[]][] => [
      [`with a parameter of no length in chunk ${type}`, [sctpChunk(type, parameter(0))]],
      [`with a parameter longer than chunk ${type}`, [sctpChunk(type, parameter(13))]],
    ]),
    ...[INIT, 2].map((type): [string, Buffer[]] => [
      `with a parameter of no length in chunk ${type}`,
      [sctpChunk(type, parameter(0, 16))],
    ]),
    ['with data of no length', [sctpData(1, '')]],
    ['with half a SACK', [sctpChunk(3, Buffer.alloc(4))]],
    ['with a SACK of more gaps than it has', [sctpChunk(3, Buffer.alloc(12, 1))]],
    ['with a SACK of more chunks than were sent', [sctpSack(1, [[1, 2_000]])]],
    ['with many such SACKs', Array.from({ length: 60 }, () => sctpSack(1, [[1, 20]]))],
    ['larger than any frame', [sctpChunk(11, Buffer.alloc(4_096))]],
  ] satisfies [string, Buffer[]][])('%s is not', (_, chunks) => {
    expect(isSoundSctp(sctpPacket(7, chunks), 20)).toBe(false);
  });

  it('that ends in its header is left to werift', () => {
    for (let length = 0; length < 12; length++) {
      expect(isSoundSctp(Buffer.alloc(length), 0)).toBe(true);
    }
  });
});
