import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RequestRelay } from './request-relay.js';

let relay: RequestRelay;
let server: Server;
let answer: string;
let connection: Promise<Socket>;
beforeEach(async () => {
  relay = new RequestRelay();
  server = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.write(answer));
  });
  connection = once(server, 'connection').then(([socket]) => socket as Socket);
  await once(server.listen(relay.path), 'listening');
});
afterEach(() => {
  server.close();
  relay.close();
});

describe('a response that a bot process cannot have meant', () => {
  it.each([
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade'],
    ['a status without meaning', 'HTTP/1.1 999 X\r\nContent-Length: 100000'],
    ['a status over 599', 'HTTP/1.1 600 X\r\nTransfer-Encoding: chunked'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6'],
    ['endless headers', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}`],
  ])('is an error, and its connection is closed: %s', async (_, head) => {
    answer = `${head}\r\n\r\nhello`;
    const request = new Request('http://session/x');
    await expect(relay.answer(request)).rejects.toThrow();
    const socket = await connection;
    if (!socket.destroyed) await once(socket.resume(), 'close');
  });
});

describe('the socket of a bot process', () => {
  it('can be reached by the user of the runner only', () => {
    expect(statSync(dirname(relay.path)).mode & 0o777).toBe(0o700);
    relay.close();
    expect(existsSync(dirname(relay.path))).toBe(false);
  });

  it('is refused where its path would be too long', () => {
    const folder = `${tmpdir()}/${'x'.repeat(100)}`;
    expect(() => new RequestRelay(folder)).toThrow('is too long for a socket');
  });
});
