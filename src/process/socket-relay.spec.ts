import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { SocketRelay } from './socket-relay.js';

let http: HttpServer;
let server: WebSocketServer;
beforeEach(async () => {
  server = new WebSocketServer({ server: (http = createServer()) });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
afterEach(async () => {
  for (const client of server.clients) client.terminate();
  http.close();
  await once(http, 'close');
});

const port = (): number => (http.address() as AddressInfo).port;
const events = { faulty: () => undefined, broken: () => undefined };

/** A relay between a peer that reads nothing, and what is left of a bot. */
async function relay(): Promise<{ relay: SocketRelay; peer: WebSocket; bot: WebSocket }> {
  const arrival = once(server, 'connection');
  const client = new WebSocket(`ws://127.0.0.1:${port()}/`);
  const [peer] = (await arrival) as [WebSocket];
  await once(client, 'open');
  client.pause();
  const other = once(server, 'connection');
  const between = new SocketRelay(peer, connect(port(), '127.0.0.1'), events);
  const [bot] = (await other) as [WebSocket];
  return { relay: between, peer, bot };
}

describe('a relay from a process that is gone', () => {
  it('ends when the connection stays, because another process has it', async () => {
    const { relay: between, bot } = await relay();
    const closed = once(bot, 'close');
    await between.finish(50);
    await closed;
  });

  it('ends when more comes over it than the process can have left', async () => {
    const { relay: between, peer, bot } = await relay();
    const finished = between.finish(600_000);
    const more = (): void => bot.send(Buffer.alloc(65_536), (error) => error ?? more());
    more();
    await finished;
    expect(peer.bufferedAmount).toBeLessThan(8_000_000);
  });
});
