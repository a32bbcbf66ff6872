import { once } from 'node:events';
import {
  Agent,
  createServer,
  get,
  IncomingMessage,
  type RequestListener,
  type ServerOptions,
} from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { until } from '../../test/support/until.js';
import { guardHttp1, MAX_PIPELINED } from './http1-guard.js';

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** Serves requests, and returns the port. */
async function serve(answer: RequestListener, options: ServerOptions = {}): Promise<number> {
  const server = createServer(options, answer);
  guardHttp1(server);
  guardHttp1(server);
  server.listen(0, '127.0.0.1');
  open.push({ close: () => server.close().closeAllConnections() });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Sends requests in one chunk, and reads no answer. */
function pipeline(port: number, count: number, version = '1.1'): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket
    .pause()
    .write(`GET / HTTP/${version}\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`.repeat(count));
  return socket;
}

describe('pipelined requests', () => {
  it('are all closed with their connection, also those that were answered', async () => {
    let [taken, closed] = [0, 0];
    const port = await serve((_request, response) => {
      response.once('close', () => (closed += response.destroyed && response.closed ? 1 : 0));
      if (taken++ % 2 === 1) response.end('answered');
    });
    const socket = pipeline(port, MAX_PIPELINED);
    await until(() => taken === MAX_PIPELINED);
    expect(closed).toBe(0);
    socket.destroy();
    await until(() => closed === MAX_PIPELINED);
  });

  it('may each listen for the end of their connection, which is no leak', async () => {
    const limits: number[] = [];
    const port = await serve(({ socket }) => void limits.push(socket.getMaxListeners()));
    const socket = pipeline(port, MAX_PIPELINED);
    await until(() => limits.length === MAX_PIPELINED);
    socket.destroy();
    expect(new Set(limits)).toEqual(new Set([0]));
  });

  it.each(['1.1', '2.0'])(
    'beyond the limit are dropped with their connection: HTTP/%s',
    async (version) => {
      let [taken, closed] = [0, 0];
      const port = await serve((_request, response) => {
        taken++;
        response.once('close', () => closed++).end();
      });
      const socket = pipeline(port, 1_400, version);
      await until(() => socket.resume().closed);
      await until(() => closed === MAX_PIPELINED);
      expect(taken).toBe(MAX_PIPELINED);
    },
  );

  it('beyond the limit are not even parsed, although Node has read them', async () => {
    let parsed = 0;
    class Counted extends IncomingMessage {
      constructor(socket: Socket) {
        super(socket);
        parsed++;
      }
    }
    const port = await serve(() => undefined, { IncomingMessage: Counted });
    const socket = pipeline(port, 1_400).resume();
    await until(() => socket.closed);
    expect(parsed).toBe(MAX_PIPELINED + 1);
  });

  it('are all answered in order up to the limit', async () => {
    let taken = 0;
    const port = await serve((_request, response) => response.end(`<${++taken}>`));
    const socket = pipeline(port, MAX_PIPELINED).setEncoding('latin1');
    let text = '';
    socket.on('data', (chunk: string) => (text += chunk)).resume();
    await until(() => text.includes(`<${MAX_PIPELINED}>`));
    const numbers = [...text.matchAll(/<(\d+)>/g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: MAX_PIPELINED }, (_, i) => i + 1));
  });
});

it('a client that waits for its answers sends any number of requests on a connection', async () => {
  const port = await serve((_request, response) => response.end('answer'));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  open.push({ close: () => agent.destroy() });
  const locals = new Set<unknown>();
  for (let i = 0; i < 5 * MAX_PIPELINED; i++) {
    const [response] = (await once(get({ port, host: '127.0.0.1', agent }), 'response')) as [
      IncomingMessage,
    ];
    locals.add(response.socket.localPort);
    await once(response.resume(), 'end');
  }
  expect(locals.size).toBe(1);
});

it('the streams of an HTTP/2 connection are not limited', async () => {
  const count = 3 * MAX_PIPELINED;
  const responses: { end(): unknown }[] = [];
  const server = createHttp2Server((_request, response) => {
    responses.push(response);
    if (responses.length === count) for (const one of responses) one.end();
  });
  guardHttp1(server as never);
  server.listen(0, '127.0.0.1');
  open.push(server);
  await once(server, 'listening');
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  open.push(client);
  const statuses = await Promise.all(
    Array.from({ length: count }, async () => {
      const stream = client.request({ ':path': '/' });
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      await once(stream.resume(), 'close');
      return headers[':status'];
    }),
  );
  expect(statuses).toEqual(Array.from({ length: count }, () => 200));
});
