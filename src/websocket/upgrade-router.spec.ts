import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import type { RunnerWebSocket } from './runner-web-socket.js';
import { RawSocketServer, UpgradeRouter } from './upgrade-router.js';

/** Longer than a test may take, so that none passes because of it. */
const CLOSE_TIMEOUT_MS = 600_000;

let http: Server;
let router: UpgradeRouter;
const added: RawSocketServer[] = [];

beforeEach(async () => {
  http = createServer();
  router = new UpgradeRouter(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
afterEach(async () => {
  await Promise.all(added.splice(0).map((server) => server.close()));
  http.close();
});

function serve(path: string, maxPayloadBytes = 1_000): RawSocketServer {
  const options = { maxPayloadBytes, closeTimeoutMs: CLOSE_TIMEOUT_MS };
  const server = new RawSocketServer(() => path, options);
  router.add(server);
  added.push(server);
  return server;
}

const open = (path: string): WebSocket =>
  new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}${path}`);

async function accepted(server: RawSocketServer): Promise<RunnerWebSocket> {
  const [socket] = (await once(server, 'connection')) as [RunnerWebSocket];
  return socket;
}

describe('the path of an upgrade', () => {
  it('belongs to the gateway with the longest one, whichever was added first', async () => {
    const outer = serve('/ws');
    const inner = serve('/ws/inner');
    const [socket, client] = [accepted(inner), open('/ws/inner')];
    outer.once('connection', () => client.emit('error', new Error('the outer one took it')));
    await once(client, 'open');
    expect((await socket).pathToken).toBeUndefined();
  });

  it.each(['/wsx', '/ws/a/b', '/ws//', '/w'])('is none of a gateway at /ws: %s', async (path) => {
    serve('/ws');
    await expect(once(open(path), 'open')).rejects.toThrow('404');
  });

  it.each([
    ['/ws', undefined],
    ['/ws/', undefined],
    ['/ws?a=1', undefined],
    ['/ws/to%20ken/?a=1', 'to ken'],
  ])('is one of a gateway at /ws: %s', async (path, token) => {
    const socket = accepted(serve('/ws'));
    await once(open(path), 'open');
    expect((await socket).pathToken).toBe(token);
  });
});

describe('a peer that is refused', () => {
  it('may send an invalid frame', async () => {
    const connection = accepted(serve('/ws'));
    const client = open('/ws');
    // 1002, or 1006 where its connection was cut first.
    client.on('error', () => undefined);
    const socket = await connection;
    await once(client, 'open');
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.close(1008, 'not you');
    // A reserved opcode.
    tcpOf(client).write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
    await closed;
    client.terminate();
  });

  it('may break its connection before it is told', async () => {
    const socket = new Duplex({
      read: () => undefined,
      write: (_chunk, _encoding, done) => done(new Error('reset')),
    });
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const request = { url: '/elsewhere', headers: { upgrade: 'websocket' } };
    http.emit('upgrade', request as IncomingMessage, socket, Buffer.alloc(0));
    await closed;
  });
});

describe('a message to a gateway', () => {
  const MASK = Buffer.alloc(4);

  it.each<[string, number, Buffer, Buffer]>([
    [
      '4,096 fragments',
      4_096,
      Buffer.alloc(0),
      // An empty fragment, which is not the last.
      Buffer.concat([Buffer.from([0x00, 0x80]), MASK]),
    ],
    [
      '16,384 chunks',
      16_384,
      // The header of a binary message of 65,535 bytes.
      Buffer.concat([Buffer.from([0x82, 0xfe, 0xff, 0xff]), MASK]),
      Buffer.alloc(1),
    ],
  ])('has %s at most', async (_, most, header, piece) => {
    const connection = accepted(serve('/ws', 65_535));
    const client = open('/ws');
    const socket = await connection;
    await once(client, 'open');
    const closed = once(client, 'close');
    const wire = tcpOf(socket);
    if (header.length > 0) wire.emit('data', header);
    else wire.emit('data', Buffer.concat([Buffer.from([0x02, 0x80]), MASK]));
    for (let count = 1; count < most; count++) wire.emit('data', piece);
    await nextTurn();
    expect(socket.readyState).toBe(WebSocket.OPEN);
    for (let count = 0; count < 2; count++) wire.emit('data', piece);
    await nextTurn();
    expect(socket.readyState).toBe(WebSocket.CLOSING);
    expect((await closed)[0]).toBe(1008);
  });
});

describe('a server that closes', () => {
  it('does not wait for the close timeout where a bot has paused its socket', async () => {
    const server = serve('/ws');
    const connection = accepted(server);
    const client = open('/ws');
    const socket = await connection;
    socket.pause();
    await once(client, 'open');
    const closed = once(client, 'close');
    await server.close();
    expect((await closed)[0]).toBe(1001);
  });
});

/** Connection below a client's WebSocket. */
const tcpOf = (client: WebSocket): Duplex => (client as unknown as { _socket: Duplex })._socket;
