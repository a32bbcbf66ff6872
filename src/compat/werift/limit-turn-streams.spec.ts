import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import { until } from '../../../test/support/until.js';
import { limitTurnStreams } from './limit-turn-streams.js';

const { TcpTransport, TlsTransport } = werift;
limitTurnStreams(werift, 200);

let server: Server;
let sockets: Socket[];
const unhandled: unknown[] = [];
const note = (thrown: unknown): void => void unhandled.push(thrown);

beforeEach(async () => {
  process.on('unhandledRejection', note);
  sockets = [];
  server = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close').catch(() => undefined);
  process.off('unhandledRejection', note);
});

const address = (): werift.Address => ['127.0.0.1', (server.address() as AddressInfo).port];
async function open(): Promise<werift.TcpTransport> {
  const transport = await TcpTransport.init(address());
  while (sockets.length === 0) await once(server, 'connection');
  return transport;
}
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
};

describe('a connection to a TURN server', () => {
  it('is not made again when the server closes it', async () => {
    const transport = await open();
    sockets[0]!.end();
    await until(() => transport.closed);
    await turns(100);
    expect(sockets).toHaveLength(1);
  });

  it('does not end the process when its server goes away', async () => {
    const transport = await open();
    server.close();
    sockets[0]!.end();
    await until(() => transport.closed);
    await turns(100);
    expect(unhandled).toEqual([]);
  });

  it('rejects when a server of TLS closes it during the handshake', async () => {
    server.on('connection', (socket: Socket) => socket.end());
    await expect(TlsTransport.init(address())).rejects.toThrow();
    await turns(100);
    expect(sockets).toHaveLength(1);
    expect(unhandled).toEqual([]);
  });

  it('is given up when a server of TLS does not answer its handshake', async () => {
    await expect(TlsTransport.init(address())).rejects.toThrow('in time');
    if (sockets.length === 0) await once(server, 'connection');
    if (!sockets[0]!.closed) await once(sockets[0]!.resume(), 'close');
  });

  it('buffers a mebibyte for a server that does not read, and no more', async () => {
    const transport = await open();
    const { client } = (transport as unknown as { stream: { client: Socket } }).stream;
    const packet = Buffer.alloc(100_000);
    for (let i = 0; i < 500; i++) transport.send(packet).catch(() => undefined);
    await turns(1);
    expect(client.writableLength).toBeLessThan(1_500_000);
    await transport.close();
  });

  it('is refused when it is not as expected', () => {
    class Other {}
    const lib = { TcpTransport: Other, TlsTransport: Other } as never;
    expect(() => limitTurnStreams(lib)).toThrow('no method init');
  });
});
