import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { hasPeerClosed, ignoresPongs, passOnAtOnce } from './ws-socket.js';

/** Fails when ws keeps other fields than those that are read. */
let server: WebSocketServer;
let socket: WebSocket;
let client: WebSocket;
beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const connected = once(server, 'connection') as Promise<[WebSocket]>;
  await once(client, 'open');
  [socket] = await connected;
});
afterEach(() => {
  client.terminate();
  server.close();
});

it('ws notes the close frame of the peer', async () => {
  expect(hasPeerClosed(socket)).toBe(false);
  const closed = once(socket, 'close');
  client.close();
  await closed;
  expect(hasPeerClosed(socket)).toBe(true);
});

it('ws counts the pongs that wait, up to a limit', () => {
  const fields = socket as unknown as Record<string, number>;
  expect(fields._pendingAutoPongs).toBe(0);
  expect(fields._maxPendingAutoPongs).toBeGreaterThan(0);
  expect(ignoresPongs(socket)).toBe(false);
  fields._pendingAutoPongs = fields._maxPendingAutoPongs!;
  expect(ignoresPongs(socket)).toBe(true);
});

it.each([
  [true, ['1', '2', 'turn']],
  [false, ['1', 'turn', '2']],
])('ws passes on messages of one chunk at once: %s', async (atOnce, expected) => {
  const seen: string[] = [];
  const both = new Promise<void>((resolve) => {
    socket.on('message', (data: Buffer) => {
      seen.push(data.toString());
      if (seen.length === 1) setImmediate(() => seen.push('turn'));
      if (data.toString() === '2') setTimeout(resolve, 20);
    });
  });
  passOnAtOnce(socket, atOnce);
  const { _socket } = client as unknown as { _socket: Socket };
  _socket.cork();
  client.send('1');
  client.send('2');
  _socket.uncork();
  await both;
  expect(seen).toEqual(expected);
});
