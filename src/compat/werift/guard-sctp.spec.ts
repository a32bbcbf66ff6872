import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import { busyMs } from '../../../test/support/busy-ms.js';
import { sctpChunk, sctpData, sctpPacket, sctpSack } from '../../../test/support/sctp-packets.js';
import { guardSctp, isSoundSctp } from './guard-sctp.js';

let transport: werift.RTCSctpTransport;
let failures: string[];
let heard: string[];
let send: (chunks: readonly Buffer[]) => Promise<void>;
let arrive: (data: Buffer) => void;
let packet: (chunks: readonly Buffer[]) => Buffer;
let isFull: () => boolean;
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
  isFull = guardSctp(transport, (message) => failures.push(message));
  const { sctp } = transport;
  sctp.onReceive.subscribe((_, __, data) => heard.push(data.toString()));
  const { localVerificationTag } = sctp as unknown as { localVerificationTag: number };
  packet = (chunks) => sctpPacket(localVerificationTag, chunks);
  arrive = (data) => dtls.dataReceiver(data);
  send = async (chunks) => {
    arrive(packet(chunks));
    await setImmediate();
  };
  tsn = 100;
  Object.assign(sctp, { lastReceivedTsn: tsn - 1 });
});

const HEARTBEAT = 4;
const INIT = 1;
const RECONFIG = 130;
const FORWARD_TSN = 192;

function forwardTsn(cumulativeTsn: number): Buffer {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(cumulativeTsn);
  return sctpChunk(FORWARD_TSN, value);
}

/** DATA chunk that opens a channel (DCEP), unordered. */
function openChannel(number: number, stream: number): Buffer {
  const chunk = sctpData(number, Buffer.from([3, ...Buffer.alloc(11)]), 7, stream);
  chunk.writeUInt32BE(50, 12);
  return chunk;
}

const CLOSED = 1;
const ESTABLISHED = 4;

const setState = (state: number): void =>
  (transport.sctp as unknown as { setState(state: number): void }).setState(state);

// Its timers end.
afterEach(() => setState(CLOSED));

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

  it('gives up a client that has thousands of packets wait for a missing one', async () => {
    const early = Array.from({ length: 2_001 }, (_, i) => sctpData(tsn + 1 + i, 'x'));
    while (early.length > 1) await send(early.splice(0, 100));
    expect(failures).toEqual([]);
    await send(early);
    expect(failures[0]).toBe('The client sends messages without end.');
  });

  it.each([
    [
      'packets that wait for one',
      () => Array.from({ length: 1_900 }, (_, i) => sctpData(tsn + 2 + 2 * i, 'x')),
    ],
    [
      'the end of a message',
      () => Array.from({ length: 1_900 }, (_, i) => sctpData(tsn + i, 'x', 2)),
    ],
    ['HEARTBEATs', () => Array.from({ length: 20_000 }, () => sctpChunk(HEARTBEAT))],
    ['cookies', () => Array.from({ length: 20_000 }, () => sctpChunk(10))],
    [
      'numbers that it is to leave out',
      () => [
        ...Array.from({ length: 1_900 }, (_, i) => sctpData(tsn + 50_000 + 2 * i, 'x')),
        ...Array.from({ length: 10_000 }, (_, i) => forwardTsn(tsn + i)),
      ],
    ],
    ['messages', () => Array.from({ length: 10_000 }, (_, i) => sctpData(tsn + i, 'x', 7))],
  ])('leaves others their turns in a flood of %s', async (_, flood) => {
    const packets: Buffer[][] = [[]];
    for (const chunk of flood()) {
      if (packets.at(-1)!.length >= (chunk[0] === FORWARD_TSN ? 1 : 100)) packets.push([]);
      packets.at(-1)!.push(chunk);
    }
    const datagrams = packets.map(packet);
    let longestMs = busyMs(() => datagrams.forEach(arrive));
    for (let i = 0; i < 500; i++) {
      const startMs = performance.now();
      const before = process.cpuUsage();
      await setImmediate();
      const { user, system } = process.cpuUsage(before);
      const heldMs = Math.min(performance.now() - startMs, (user + system) / 1_000);
      longestMs = Math.max(longestMs, heldMs);
    }
    expect(longestMs).toBeLessThan(50);
    expect(failures).toEqual([]);
  });

  it('hears no more than a hundred packets at once, and goes on', async () => {
    for (let i = 0; i < 200; i++) arrive(packet([sctpData(tsn + i, String(i))]));
    for (let i = 0; i < 300; i++) await setImmediate();
    expect(heard.length).toBeGreaterThanOrEqual(100);
    expect(heard.length).toBeLessThan(110);
    await send([sctpData(tsn + heard.length, 'goes on')]);
    expect(heard.at(-1)).toBe('goes on');
  });

  it('hears what came late, in order, where the numbers begin again', async () => {
    tsn = 0xffff_fffe;
    Object.assign(transport.sctp, { lastReceivedTsn: tsn - 1 });
    const late = [0, 1, 2, 3].map((i) => sctpData((tsn + i) >>> 0, String(i), 7));
    for (const i of [1, 3, 2, 0]) await send([late[i]!]);
    expect([...heard].sort()).toEqual(['0', '1', '2', '3']);
    expect(transport.sctp).toMatchObject({ lastReceivedTsn: 1, sackMisOrdered: new Set() });
    await send([late[3]!]);
    expect(heard).toHaveLength(4);
  });

  it('gives up a client that has seventeen channels', async () => {
    for (let stream = 1; stream <= 16; stream++) await send([openChannel(tsn++, stream)]);
    expect(failures).toEqual([]);
    await send([openChannel(tsn++, 17)]);
    expect(failures[0]).toBe('The client opens too many channels.');
  });

  it('gives up a client that opens and closes channels without end', async () => {
    for (let i = 0; i < 120; i++) {
      await send([openChannel(tsn++, i % 2)]);
      delete transport.dataChannels[i % 2];
    }
    expect(failures[0]).toBe('The client opens too many channels.');
  });

  it('gives up a client that has its channels acknowledged without end, and takes nothing', async () => {
    setState(ESTABLISHED);
    for (let i = 0; i < 11_000; i += 50) {
      await send(Array.from({ length: 50 }, () => openChannel(tsn++, 1)));
    }
    expect(failures[0]).toBe('The client does not take its messages.');
  });

  it('sends one message after the other, however many wait', async () => {
    setState(ESTABLISHED);
    await send([openChannel(tsn++, 1)]);
    const channel = transport.dataChannels[1]!;
    const startMs = performance.now();
    for (let i = 0; i < 9_900; i++) channel.send('x');
    await setImmediate();
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(isFull()).toBe(false);
    for (let i = 0; i < 200; i++) channel.send('x');
    expect(isFull()).toBe(true);
  });

  it('sends what is given to it at any moment while it sends', async () => {
    setState(ESTABLISHED);
    await send([openChannel(tsn++, 1)]);
    const channel = transport.dataChannels[1]!;
    for (let moment = 0; moment < 30; moment++) {
      channel.send('x');
      for (let i = 0; i < moment; i++) await Promise.resolve();
      channel.send('y');
      await setImmediate();
      expect(channel.bufferedAmount).toBe(0);
    }
  });

  it('is refused when werift receives in another way', () => {
    const other = { sctp: transport.sctp } as werift.RTCSctpTransport;
    expect(() => guardSctp(other, () => undefined)).toThrow('no method datachannelReceive');
    const without = { sctp: {} } as werift.RTCSctpTransport;
    expect(() => guardSctp(without, () => undefined)).toThrow('no method handleData');
  });
});

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
    ['with more chunks than fit a frame', Array.from({ length: 101 }, () => sctpChunk(11))],
    [
      'with more parameters than a chunk has',
      [sctpChunk(RECONFIG, Buffer.concat(Array.from({ length: 21 }, () => sctpChunk(0))))],
    ],
    ['with two FORWARD TSNs', [forwardTsn(1), forwardTsn(2)]],
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
