import { describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import { guardTurn } from './guard-turn.js';

const SERVER: werift.Address = ['127.0.0.1', 3_478];
const STRANGER: werift.Address = ['127.0.0.1', 9_999];
const PEER: werift.Address = ['192.0.2.7', 40_000];

/** A client of werift's with an allocation and a channel to a peer, as far as what it receives is concerned. */
function client(type = 'udp', server = SERVER) {
  const transport = {
    type,
    onData: (data: Buffer, from: werift.Address): void => receive(data, from),
  };
  const turn = new werift.TurnProtocol(server, 'user', 'password', 600, transport as never);
  const { dataReceived } = turn as unknown as { dataReceived: typeof transport.onData };
  const receive = dataReceived.bind(turn);
  Object.assign(turn, { addrByChannel: { 0x4000: PEER } });
  const heard: [string, werift.Address][] = [];
  turn.onData.subscribe((data, from) => heard.push([data.toString(), from]));
  return { turn, transport, heard };
}

const channelData = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x40, 0, 0, text.length]), Buffer.from(text)]);
const dataIndication = (text: string): Buffer =>
  new werift.Message(werift.methods.DATA, werift.classes.INDICATION)
    .setAttribute('DATA', Buffer.from(text))
    .setAttribute('XOR-PEER-ADDRESS', PEER).bytes;

describe('a TURN client', () => {
  it('hears of peers from its server, and from nobody else', () => {
    const { turn, transport, heard } = client();
    guardTurn(turn);
    for (const wrap of [channelData, dataIndication]) {
      transport.onData(wrap('from a stranger'), STRANGER);
      transport.onData(wrap('from another host'), ['127.0.0.2', SERVER[1]]);
      transport.onData(wrap('from the server'), SERVER);
    }
    expect(heard).toEqual([
      ['from the server', PEER],
      ['from the server', PEER],
    ]);
  });

  it('hears of peers from a server that it knows by name, once it has its address', async () => {
    const { turn, transport, heard } = client('udp', ['localhost', SERVER[1]]);
    guardTurn(turn);
    while (heard.length === 0) {
      transport.onData(channelData('stranger'), STRANGER);
      transport.onData(channelData('server'), SERVER);
      await new Promise(setImmediate);
    }
    expect(heard).toEqual([['server', PEER]]);
  });

  it('hears what comes in its connection, where it has one', () => {
    const { turn, transport, heard } = client('tcp');
    guardTurn(turn);
    transport.onData(channelData('1234'), ['::ffff:127.0.0.1', SERVER[1]]);
    expect(heard).toEqual([['1234', PEER]]);
  });

  it('is refused when werift receives in another way', () => {
    const turn = { server: SERVER, transport: { type: 'udp' } };
    expect(() => guardTurn(turn)).toThrow('no method onData');
  });
});
