import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import { sctpChunk, sctpData, sctpPacket, sctpSack } from '../../../test/support/sctp-packets.js';
import { guardSctp, isSoundSctp } from './guard-sctp.js';

let transport: werift.RTCSctpTransport;
let failures: string[];
let heard: string[];
let send: (chunks: readonly Buffer[]) => Promise<void>;
let tsn: number;

beforeEach(async () => {
  const dtls = {
    id: 'dtls',
    iceTransport: { role: 'controlled' },
    onStateChange: new werift.Event(),
    sendData: async () => undefined,
    dataReceiver: (_: Buffer): void => undefined,
  };
  transport = new werift.RTCSctpTransport();
  transport.setDtlsTransport(dtls as never);
  transport.sctp.setRemotePort(5_000);
  failures = [];
  heard = [];
  guardSctp(transport, (message) => failures.push(message));
  const { sctp } = transport;
  sctp.onReceive.subscribe((_, __, data) => heard.push(data.toString()));
  send = async (chunks) => {
    const { localVerificationTag } = sctp as unknown as { localVerificationTag: number };
    dtls.dataReceiver(sctpPacket(localVerificationTag, chunks));
    await setImmediate();
  };
  tsn = 100;
  Object.assign(sctp, { lastReceivedTsn: tsn - 1 });
});

describe('SCTP of the runner', () => {
  it('hears messages', async () => {
    await send([sctpData(tsn++, 'hel', 2), sctpData(tsn++, 'lo', 1)]);
    expect(heard).toEqual(['hello']);
    expect(failures).toEqual([]);
  });

  it('is not kept busy by lengths of nothing, nor by acknowledgements of what was not sent', async () => {
    await send([sctpChunk(4, Buffer.alloc(8), { length: 0 })]);
    await send([sctpChunk(4, Buffer.alloc(8))]);
    await send([sctpSack(0, [[1, 65_535]])]);
    await send([sctpData(tsn++, 'goes on')]);
    expect(heard).toEqual(['goes on']);
  });

  it('gives up a client whose message has thousands of parts and no end', async () => {
    await send([sctpData(tsn++, 'first', 2)]);
    for (let i = 0; i < 200; i++) {
      await send(Array.from({ length: 20 }, () => sctpData(tsn++, 'x', 0)));
    }
    expect(failures[0]).toBe('The client sends messages without end.');
  });

  it('gives up a client that has something on hundreds of streams', async () => {
    for (let stream = 0; stream <= 100; stream++) await send([sctpData(tsn++, 'x', 2, stream)]);
    expect(failures[0]).toBe('The client sends messages without end.');
  });

  it('is refused when werift receives in another way', () => {
    const other = { sctp: transport.sctp } as werift.RTCSctpTransport;
    expect(() => guardSctp(other, () => undefined)).toThrow('no method datachannelReceive');
    const without = { sctp: {} } as werift.RTCSctpTransport;
    expect(() => guardSctp(without, () => undefined)).toThrow('no method handleData');
  });
});

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
