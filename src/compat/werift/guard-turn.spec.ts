import { describe, expect, it, jest } from '@jest/globals';
import * as werift from 'werift';
import { busyMs } from '../../../test/support/busy-ms.js';
import { guardTurn } from './guard-turn.js';

const SERVER: werift.Address = ['127.0.0.1', 3_478];
const STRANGER: werift.Address = ['127.0.0.1', 9_999];
const PEER: werift.Address = ['192.0.2.7', 40_000];

/** A guarded client of a subclass, as the class itself is changed once and for all, with a channel to a peer. */
function client(transport: object = { type: 'udp' }, server = SERVER) {
  class TurnProtocol extends werift.TurnProtocol {}
  guardTurn({ TurnProtocol });
  const close = jest.fn(() => Promise.resolve());
  const all = Object.assign(transport, { close, onData: (..._: [Buffer, werift.Address]) => {} });
  const turn = new TurnProtocol(server, 'user', 'password', 600, all as never);
  const requested: werift.Address[] = [];
  Object.assign(turn, {
    addrByChannel: { 0x4000: PEER },
    requestWithRetry: (_: werift.Message, to: werift.Address) => {
      requested.push(to);
      return new Promise(() => undefined);
    },
  });
  const heard: [string, werift.Address][] = [];
  turn.onData.subscribe((data, from) => heard.push([data.toString(), from]));
  void turn.connectionMade().catch(() => undefined);
  /** Resolves once the client asks for an allocation. */
  const asked = async (): Promise<werift.Address> => {
    while (requested.length === 0) await new Promise(setImmediate);
    return requested[0]!;
  };
  const receive = (data: Buffer, from = SERVER): void => all.onData(data, from);
  return { turn, receive, heard, close, asked };
}

const channelData = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x40, 0, 0, text.length]), Buffer.from(text)]);
const dataIndication = (text: string): Buffer =>
  new werift.Message(werift.methods.DATA, werift.classes.INDICATION)
    .setAttribute('DATA', Buffer.from(text))
    .setAttribute('XOR-PEER-ADDRESS', PEER).bytes;

/** A response with an address of so many bytes. */
function allocation(bytes: number): Buffer {
  const data = Buffer.alloc(24 + bytes, 1);
  data.writeUInt16BE(0x0103, 0);
  data.writeUInt16BE(4 + bytes, 2);
  data.writeUInt32BE(0x2112a442, 4);
  data.writeUInt16BE(0x0016, 20);
  data.writeUInt16BE(bytes, 22);
  return data;
}

describe('a TURN client', () => {
  it('hears of peers from its server, and from nobody else', async () => {
    const { receive, heard, asked } = client();
    await asked();
    for (const wrap of [channelData, dataIndication]) {
      receive(wrap('from a stranger'), STRANGER);
      receive(wrap('from another host'), ['127.0.0.2', SERVER[1]]);
      receive(wrap('from the server'));
    }
    expect(heard).toEqual([
      ['from the server', PEER],
      ['from the server', PEER],
    ]);
  });

  it('asks a server that it knows by name at its IPv4 address, and hears of peers from there', async () => {
    const { receive, heard, asked } = client({ type: 'udp' }, ['localhost', SERVER[1]]);
    expect(await asked()).toEqual(SERVER);
    receive(channelData('stranger'), STRANGER);
    receive(channelData('server'));
    expect(heard).toEqual([['server', PEER]]);
  });

  it('asks the address that its connection was made to, where the server has several', async () => {
    const connected = { remoteAddress: '192.0.2.3', remotePort: 443 };
    const transport = { type: 'tls', stream: { client: connected } };
    const { receive, heard, asked } = client(transport, ['turn.example.com', 443]);
    expect(await asked()).toEqual(['192.0.2.3', 443]);
    receive(channelData('1234'), ['192.0.2.3', 443]);
    expect(heard).toEqual([['1234', PEER]]);
  });

  it('rejects when the name of its server cannot be resolved', async () => {
    class TurnProtocol extends werift.TurnProtocol {}
    guardTurn({ TurnProtocol });
    const transport = { type: 'udp' } as never;
    const turn = new TurnProtocol(['turn.invalid', 1], 'user', 'password', 600, transport);
    await expect(turn.connectionMade()).rejects.toThrow('turn.invalid');
  });

  it.each([
    ['a stranger', STRANGER],
    ['its server', SERVER],
  ])('is not kept busy by a response of 60 kB of %s', async (_, from) => {
    const { receive, asked } = client();
    await asked();
    const data = allocation(60_000);
    expect(busyMs(() => receive(data, from))).toBeLessThan(50);
  });

  it('gives up a connection that does not contain frames, before it fills the memory', async () => {
    const { turn, receive, close, asked } = client({ type: 'tcp' });
    await asked();
    receive(Buffer.alloc(60_000, 0xff));
    expect(close).not.toHaveBeenCalled();
    receive(Buffer.alloc(60_000, 0xff));
    expect(close).toHaveBeenCalledTimes(1);
    expect((turn as unknown as { tcpBuffer: Buffer }).tcpBuffer.length).toBeLessThan(150_000);
  });

  it('reads frames that come byte by byte', async () => {
    const { receive, heard, close, asked } = client({ type: 'tcp' });
    await asked();
    for (const byte of channelData('1234')) receive(Buffer.of(byte));
    expect(heard).toEqual([['1234', PEER]]);
    expect(close).not.toHaveBeenCalled();
  });

  it('is refused when werift receives in another way', () => {
    class TurnProtocol {}
    expect(() => guardTurn({ TurnProtocol: TurnProtocol as never })).toThrow('no method');
  });
});
