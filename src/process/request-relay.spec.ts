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

/** Informational responses. */
const HINTS = (count: number): string => 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(count);

it('passes on a response that a few informational ones precede', async () => {
  answer = `${HINTS(10)}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello`;
  const response = await relay.answer(new Request('http://session/x'));
  expect(await response.text()).toBe('hello');
});

it('reads the tiny chunks of a body as one', async () => {
  const count = 2_000;
  const chunks = '1\r\na\r\n'.repeat(count);
  answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
  const response = await relay.answer(new Request('http://session/x'));
  const reader = response.body!.getReader();
  let [text, pieces] = ['', 0];
  for (let next = await reader.read(); !next.done; next = await reader.read(), pieces++)
    text += Buffer.from(next.value).toString();
  expect(text).toBe('a'.repeat(count));
  expect(pieces).toBeLessThan(100);
});

it('closes the connection of a body that is cancelled while its rest is awaited', async () => {
  answer = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n';
  const response = await relay.answer(new Request('http://session/x'));
  const socket = await connection;
  const closed = once(socket.resume(), 'close');
  const reader = response.body!.getReader();
  await reader.read();
  const rest = reader.read();
  await reader.cancel();
  expect((await rest).done).toBe(true);
  await closed;
});

it('ends a request when it is aborted whose process drips headers', async () => {
  answer = 'HTTP/1.1 200 OK\r\n';
  const over = new AbortController();
  const answered = relay.answer(new Request('http://session/x', { signal: over.signal }));
  const failed = expect(answered).rejects.toThrow('aborted');
  const socket = await connection;
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let drops = 0;
  const drip = (): void => {
    if (++drops === 20) over.abort();
    socket.write('a: b\r\n', (error) => error ?? setImmediate(drip));
  };
  socket.once('data', drip);
  await failed;
  await closed;
  expect(drops).toBeGreaterThanOrEqual(20);
});

describe('a response that a bot process cannot have meant', () => {
  it.each([
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade'],
    ['a status without meaning', 'HTTP/1.1 999 X\r\nContent-Length: 100000'],
    ['a status over 599', 'HTTP/1.1 600 X\r\nTransfer-Encoding: chunked'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6'],
    ['many informational ones first', `${HINTS(11)}HTTP/1.1 200 OK\r\nContent-Length: 5`],
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
