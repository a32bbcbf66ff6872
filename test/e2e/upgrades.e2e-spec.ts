import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { Body, Controller, Get, type INestApplication, Param, Post } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RunnerModule, SessionRegistry, WebSocketModule } from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import {
  closeApps,
  connect,
  nextText,
  PLATFORMS,
  type Platform,
  post,
  startApp,
} from '../support/runner-app.js';

afterEach(closeApps);

@Controller('host')
class HostController {
  private release: (() => void) | undefined;

  @Post()
  echo(@Body() body: unknown): unknown {
    return { body };
  }
  @Get(':id')
  get(@Param('id') id: string): { id: string } {
    return { id };
  }
  /** Answers when `GET /host/slow/go` is asked. */
  @Get('slow/wait')
  wait(): Promise<string> {
    return new Promise((resolve) => {
      this.release = () => resolve('waited');
    });
  }
  @Get('slow/go')
  go(): string {
    this.release?.();
    return 'went';
  }
}

@WebSocketGateway({ path: '/host-ws' })
class HostGateway {
  @SubscribeMessage('ask')
  answer(): { event: string; data: string } {
    return { event: 'answer', data: 'the host' };
  }
}

function start(platform: Platform, configure?: (app: INestApplication) => void) {
  return startApp(
    platform,
    [
      RunnerModule.forRoot({
        launcher: { useValue: new RecordingLauncher() },
        transports: [WebSocketModule.forRoot()],
        defaultTransport: 'websocket',
      }),
    ],
    configure,
    { controllers: [HostController], ...(configure && { providers: [HostGateway] }) },
  );
}

/** As Java's HttpClient asks. */
const OFFER =
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n';

const request = (line: string, body?: string, headers = OFFER): string =>
  `${line} HTTP/1.1\r\nHost: x\r\n${headers}` +
  (body === undefined
    ? '\r\n'
    : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);

const last = (line: string): string => request(line, undefined, 'Connection: close\r\n');

function open(url: string): Socket {
  return connectTcp(Number(new URL(url).port), '127.0.0.1');
}

/** The status lines and bodies of all answers on a connection, in their order. */
async function answersOn(socket: Socket): Promise<string[]> {
  const all = await text(socket);
  return all
    .split(/(?=HTTP\/1\.1 )/)
    .map((answer) => `${answer.slice(9, 12)} ${answer.slice(answer.indexOf('\r\n\r\n') + 4)}`);
}

describe.each(PLATFORMS)('a request that offers an upgrade to HTTP/2 (h2c) on %s', (platform) => {
  it('is answered by the runner, with its body', async () => {
    const { app, url } = await start(platform);
    const socket = open(url);
    socket.write(request('POST /start', '{"body":{"n":1}}') + last('GET /status'));
    const [first, second] = await answersOn(socket);
    expect(first).toMatch(/^200 .*wsUrl/s);
    expect(second).toMatch(/^200 .*ready/s);
    const [session] = app.get(SessionRegistry, { strict: false }).live;
    expect(session!.body).toEqual({ n: 1 });
  });

  it('is answered by the host, among other requests on the same connection', async () => {
    const { url } = await start(platform);
    const socket = open(url);
    const plain = request('GET /host/0', undefined, '');
    const chunked =
      `POST /host HTTP/1.1\r\nHost: x\r\n${OFFER}Content-Type: application/json\r\n` +
      'Transfer-Encoding: chunked\r\n\r\n7\r\n{"n":2}\r\n0\r\n\r\n';
    socket.write(
      plain +
        request('GET /host/1') +
        chunked +
        request('POST /host', '{"n":3}') +
        plain +
        last('GET /host/5'),
    );
    expect(await answersOn(socket)).toEqual([
      '200 {"id":"0"}',
      '200 {"id":"1"}',
      expect.stringMatching(/^201 .*\{"body":\{"n":2\}\}/s),
      '201 {"body":{"n":3}}',
      '200 {"id":"0"}',
      '200 {"id":"5"}',
    ]);
  });

  it('waits behind a slow request on the same connection (pipelining)', async () => {
    const { url } = await start(platform);
    const socket = open(url);
    socket.write(request('GET /host/slow/wait', undefined, ''));
    socket.write(request('GET /host/1'));
    socket.write(last('GET /host/2'));
    const answers = answersOn(socket);
    let done = false;
    void answers.then(() => (done = true));
    while (!done) {
      await (await fetch(`${url}/host/slow/go`)).text();
    }
    expect(await answers).toEqual(['200 waited', '200 {"id":"1"}', '200 {"id":"2"}']);
  });

  it('may arrive in parts, and keeps its connection', async () => {
    const { url } = await start(platform);
    const socket = open(url);
    const whole = request('POST /host', '{"n":1}');
    for (const part of [whole.slice(0, 20), whole.slice(20, -4), whole.slice(-4)]) {
      socket.write(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString()).toMatch(/^HTTP\/1.1 201 .*\{"n":1\}/s);
    socket.write(request('GET /host/2') + last('GET /host/3'));
    expect(await answersOn(socket)).toEqual(['200 {"id":"2"}', '200 {"id":"3"}']);
  });

  it('affects no others when its connection breaks', async () => {
    const { url } = await start(platform);
    for (const sent of [
      request('GET /host/slow/wait', undefined, '') + request('GET /host/1'),
      request('POST /start', '{"body":').slice(0, -3),
      request('GET /host/1'),
    ]) {
      const socket = open(url);
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(sent);
      await (await fetch(`${url}/host/1`)).text();
      socket.resetAndDestroy();
    }
    expect(await (await fetch(`${url}/host/1`)).json()).toEqual({ id: '1' });
  });

  it('is refused with more headers than Node keeps, since the length of its body may be missing', async () => {
    const { app, url } = await start(platform);
    const socket = open(url);
    const many = `${OFFER}${'a:\r\n'.repeat(1_100)}`;
    socket.write(request('POST /start', last('GET /status'), many));
    expect(await answersOn(socket)).toEqual(['431 ']);
    expect(app.get(SessionRegistry, { strict: false }).size).toBe(0);
  });

  it('leaves WebSockets to the runner and to the host', async () => {
    const { url, wsUrl } = await start(platform, (app) => {
      app.useWebSocketAdapter(new WsAdapter(app));
    });
    const socket = open(url);
    socket.write(request('GET /host/1') + last('GET /host/2'));
    expect(await answersOn(socket)).toEqual(['200 {"id":"1"}', '200 {"id":"2"}']);
    const { json } = await post(`${url}/start`);
    (await connect(json.wsUrl as string)).terminate();
    const host = await connect(`${wsUrl}/host-ws`);
    host.send(JSON.stringify({ event: 'ask' }));
    await expect(nextText(host)).resolves.toContain('the host');
    host.terminate();
  });

  it('for an unknown WebSocket is refused as well', async () => {
    const { url } = await start(platform);
    const socket = open(url);
    socket.write(
      request(
        'GET /nowhere',
        undefined,
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
      ),
    );
    expect(await text(socket)).toMatch(/^HTTP\/1.1 404 .*There is no WebSocket at this path/s);
  });
});
