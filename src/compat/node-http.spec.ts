import { once } from 'node:events';
import { createServer, type IncomingMessage, get, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it, describe } from '@jest/globals';
import { until } from '../../test/support/until.js';
import { goOnWithoutUpgrade, isToWebSocket, beforeHeaders, paceChunks } from './node-http.js';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import fastify from 'fastify';

it('a request that offers HTTP/2 is answered in its turn by a server with upgrades', async () => {
  expect.assertions(3);
  const seen: [url: string | undefined, upgrade: string | undefined, body: string][] = [];
  const http = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push([request.url, request.headers.upgrade, body]);
      // An answer that is being written when the next request comes.
      setTimeout(() => response.end(`answer to ${request.url}`), 50);
    });
  });
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    expect(isToWebSocket(request)).toBe(false);
    goOnWithoutUpgrade(http, request, socket, head);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const socket = connect((http.address() as AddressInfo).port, '127.0.0.1');
  socket.write(
    'GET /first HTTP/1.1\r\nHost: x\r\n\r\n' +
      'POST /second HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n' +
      'HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 4\r\n\r\nbody',
  );
  const answers = await text(socket);
  expect(answers.match(/answer to \/(first|second)/g)).toEqual([
    'answer to /first',
    'answer to /second',
  ]);
  expect(seen).toEqual([
    ['/first', undefined, ''],
    ['/second', undefined, 'body'],
  ]);
  http.close();
});

/** The answer as a client sees it. */
async function answerOf(answer: (response: ServerResponse) => void): Promise<IncomingMessage> {
  const server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const [response] = (await once(get({ port, agent: false }), 'response')) as [IncomingMessage];
  response.resume();
  server.close();
  return response;
}

describe('beforeHeaders', () => {
  it.each<[string, (response: ServerResponse) => void]>([
    ['set one by one', (response) => response.setHeader('x-a', '1').end()],
    ['written at once', (response) => response.writeHead(200, { 'X-A': '1' }).end()],
    ['written with a reason', (response) => response.writeHead(200, 'OK', { 'X-A': '1' }).end()],
    ['written as a list', (response) => response.writeHead(200, ['X-A', '1', 'x-b', '2']).end()],
    [
      'sent with the first piece',
      (response) => void (response.setHeader('x-a', '1'), response.end('x')),
    ],
  ])('has the last say on headers that are %s', async (_, answer) => {
    const seen: unknown[] = [];
    const { headers, statusMessage } = await answerOf((response) => {
      beforeHeaders(response, () => {
        seen.push(response.getHeader('x-a'));
        response.setHeader('x-a', 'changed');
      });
      answer(response);
    });
    expect(seen).toEqual(['1']);
    expect([headers['x-a'], statusMessage]).toEqual(['changed', 'OK']);
  });

  it('keeps the status, and headers that come more than once', async () => {
    const { statusCode, headers } = await answerOf((response) => {
      beforeHeaders(response, () => response.removeHeader('x-a'));
      response.writeHead(418, { 'set-cookie': ['a=1', 'b=2'], 'x-a': '1', 'x-b': undefined }).end();
    });
    expect([statusCode, headers['set-cookie'], headers['x-a']]).toEqual([
      418,
      ['a=1', 'b=2'],
      undefined,
    ]);
  });

  it('works under Fastify, which hands its headers over when it writes them', async () => {
    const app = fastify();
    app.addHook('onRequest', (_request, reply, done) => {
      beforeHeaders(reply.raw, () =>
        reply.raw.setHeader('x-a', `${String(reply.raw.getHeader('x-a'))}!`),
      );
      done();
    });
    app.get('/', (_request, reply) => reply.header('x-a', 'of fastify').send({}));
    const { headers } = await app.inject('/');
    expect(headers['x-a']).toBe('of fastify!');
    await app.close();
  });

  it('works over HTTP/2', async () => {
    const server = createHttp2Server((_request, response) => {
      beforeHeaders(response as unknown as ServerResponse, () => response.setHeader('x-a', '1'));
      response.writeHead(200, { 'x-b': '2' }).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({ ':path': '/' });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect([headers['x-a'], headers['x-b']]).toEqual(['1', '2']);
    session.close();
    server.close();
  });
});

describe('a body in tiny chunks', () => {
  const TINY = Buffer.from('1\r\na\r\n'.repeat(100_000));
  const open: { close(): unknown }[] = [];
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  /** Sends a request with a chunked body, and returns the connection. */
  async function send(
    answer: (request: IncomingMessage, response: ServerResponse) => void,
    ...body: (Buffer | string)[]
  ): Promise<Socket> {
    const server = createServer((request, response) => {
      paceChunks(request);
      answer(request, response);
    });
    server.on('upgrade', (request, socket: Socket) => {
      setImmediate(() => socket.end(`${socket.listenerCount('data')} listeners`));
    });
    server.listen(0, '127.0.0.1');
    open.push({ close: () => server.close().closeAllConnections() });
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    open.push({ close: () => socket.destroy() });
    socket.on('error', () => undefined);
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (const part of body) socket.write(part);
    return socket;
  }

  it('is read once per turn of the event loop, in few chunks', async () => {
    let [turn, pieces, length] = [0, 0, 0];
    const perTurn = new Map<number, number>();
    let timer = setImmediate(function next() {
      turn++;
      timer = setImmediate(next);
    });
    open.push({ close: () => clearImmediate(timer) });
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      request.on('data', (chunk: Buffer) => {
        pieces++;
        length += chunk.length;
        perTurn.set(turn, (perTurn.get(turn) ?? 0) + chunk.length);
      });
      request.on('end', () => response.end('done'));
    };
    const socket = await send(answer, TINY, TINY, TINY, TINY, '0\r\n\r\n');
    await once(socket, 'data');
    expect(length).toBe(400_000);
    // A read is 64 KiB, and a buffered one may come with it.
    expect(Math.max(...perTurn.values())).toBeLessThanOrEqual((2 * 65_536) / 6);
    expect(pieces).toBeLessThan(500);
  });

  it('is read once per turn, however much has come', async () => {
    const lengths: number[] = [];
    const server = createServer((request) => {
      paceChunks(request);
      request.on('data', ({ length }: Buffer) => lengths.push(length));
    });
    const connection = new Duplex({ read: () => undefined, write: (_c, _e, done) => done() });
    open.push({ close: () => connection.destroy() });
    server.emit('connection', connection);
    connection.push('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 10; i++) connection.push('1\r\na\r\n'.repeat(10_000));
    await until(() => lengths.length === 10);
    expect(lengths).toEqual(Array<number>(10).fill(10_000));
  });

  it('waits for its reader, and is then read to its end', async () => {
    const requests: IncomingMessage[] = [];
    const large = Buffer.alloc(20_000_000, 'a');
    const body = [TINY, `${large.length.toString(16)}\r\n`, large, '\r\n0\r\n\r\n'];
    let answered: ServerResponse | undefined;
    const socket = await send(
      (request, response) => {
        requests.push(request);
        answered = response;
      },
      ...body,
    );
    await until(() => requests[0] !== undefined && requests[0].readableLength > 10_000);
    const [request] = requests as [IncomingMessage];
    // Turns in which more would come.
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(request.readableLength).toBeLessThan(150_000);
    expect(socket.writableLength).toBeGreaterThan(0);
    expect(await text(request)).toBe('a'.repeat(20_100_000));
    answered!.end('done');
    await once(socket, 'data');
  });

  it('leaves the connection to the next request, and to an upgrade', async () => {
    const urls: string[] = [];
    const socket = await send(
      (request, response) => {
        urls.push(request.url!);
        void text(request).then((body) => response.end(`<${body.length}>`));
      },
      TINY,
      '0\r\n\r\n',
      'POST /second HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n',
      'GET /third HTTP/1.1\r\nHost: x\r\n\r\n',
    );
    let answers = '';
    socket.on('data', (chunk: Buffer) => (answers += chunk.toString()));
    await until(() => answers.includes('<0>'));
    expect(answers.match(/<\d+>/g)).toEqual(['<100000>', '<2>', '<0>']);
    expect(urls).toEqual(['/', '/second', '/third']);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    await until(() => answers.includes('listeners'));
    expect(answers).toMatch(/0 listeners$/);
  });
});
