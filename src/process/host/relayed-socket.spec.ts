import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { RelayedSocket } from './relayed-socket.js';

afterEach(() => void jest.useRealTimers());

it('is closed once all was read that the bot left unread, before any time-out', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const runnerSide = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [botSide] = (await once(server, 'connection')) as [Socket];
  server.close();
  const relayed = new RelayedSocket(() => undefined, botSide);
  const tunnel = new WebSocket('ws://bot/', { createConnection: () => runnerSide });
  await once(tunnel, 'open');
  await relayed.opened;
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  const flushed = relayed.flush();
  // More than the socket holds before it pauses.
  for (let n = 0; n < 200; n++) tunnel.send(Buffer.alloc(16_384));
  await flushed;
  expect(botSide.closed).toBe(true);
}, 20_000);
