import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import { sctpChunk, sctpData, sctpPacket, sctpSack } from '../../../test/support/sctp-packets.js';
import { guardSctp } from './guard-sctp.js';

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
