import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { ChildHost } from '../support/child-host.js';
import { PLATFORMS, post } from '../support/runner-app.js';

/** The time a shutdown may take beside the drain, in milliseconds. */
const SLACK_MS = 3_000;
/** The time that the slow route of the host takes, in milliseconds. */
const SLOW_MS = 3_000;

let host: ChildHost | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await host?.kill();
  host = undefined;
});

/** The ways in which a process of a runner is made to end. */
const ENDS = ['with shutdown hooks', 'with app.close() of its own', 'as the standalone runner'];

async function start(
  platform: string,
  ends: string,
  {
    drainTimeoutMs = 1_000,
    ...settings
  }: { drainTimeoutMs?: number; [setting: string]: unknown } = {},
): Promise<ChildHost> {
  host =
    ends === 'as the standalone runner'
      ? await ChildHost.start(
          'dist/main.js',
          ...['--host', '127.0.0.1', '--port', '0', '--folder', 'demo'],
          ...['--drain-timeout', String(drainTimeoutMs / 1_000)],
        )
      : await ChildHost.start(
          'test/support/closing-host.js',
          JSON.stringify({ platform, ends, options: { drainTimeoutMs }, ...settings }),
        );
  return host;
}

/** A raw connection, on which this is sent. */
async function open(text: string, address = '127.0.0.1'): Promise<Socket> {
  const socket = connectTcp(Number(new URL(host!.url).port), address);
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  if (text) await new Promise((resolve) => socket.write(text, resolve));
  return socket;
}

/** The same, once the host has begun to answer. */
async function openAnswered(text: string): Promise<Socket> {
  const socket = await open(text);
  await once(socket, 'readable');
  return socket;
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

/** A conversation whose client neither reads nor answers a close. */
async function openDeafConversation(): Promise<void> {
  const socket = new WebSocket(`${host!.url.replace('http', 'ws')}/ws-client`);
  socket.on('error', () => undefined);
  await once(socket, 'open');
  socket.pause();
  sockets.push((socket as unknown as { _socket: Socket })._socket);
}

/** Connections that a host must not wait for. */
const STUCK: Record<string, () => Promise<unknown>> = {
  'a connection that sent nothing': () => open(''),
  'half a request': () => open('POST /start HTTP/1.1\r\nHost: x\r\nContent-Le'),
  'half a body': () =>
    open(
      'POST /start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"tra',
    ),
  'a download that nobody reads': () => openAnswered(get('/files/inaugural-1961.wav')),
  'a connection that is kept alive': () => openAnswered(get('/status')),
  'a WebSocket whose client does not read': openDeafConversation,
};

async function exitAfterSigterm(): Promise<{ code: unknown; tookMs: number }> {
  const startMs = performance.now();
  host!.child.kill('SIGTERM');
  const code = await host!.exit();
  return { code, tookMs: performance.now() - startMs };
}

const CASES = PLATFORMS.flatMap((platform) => ENDS.map((ends) => [platform, ends] as const)).filter(
  ([platform, ends]) => platform === 'fastify' || ends !== 'as the standalone runner',
);

describe.each(CASES)('a runner on %s, shut down %s,', (platform, ends) => {
  it('exits in time with every kind of connection open', async () => {
    await start(platform, ends);
    for (const openOne of Object.values(STUCK)) await openOne();
    const { code, tookMs } = await exitAfterSigterm();
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(1_000 + SLACK_MS);
  });

  it('exits at once with idle connections', async () => {
    await start(platform, ends, { drainTimeoutMs: 20_000 });
    await open('');
    await openAnswered(get('/status'));
    await fetch(`${host!.url}/status`).then((response) => response.text());
    const { code, tookMs } = await exitAfterSigterm();
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(1_000);
  });
});

const HOOKS = 'with shutdown hooks';

describe.each(PLATFORMS)('graceful shutdown of a host on %s', (platform) => {
  it('finishes running requests of the host, then exits at once', async () => {
    await start(platform, HOOKS, { drainTimeoutMs: 20_000 });
    const answer = fetch(`${host!.url}/host/slow`).then((response) => response.text());
    await host!.printed('slow begins');
    const { code, tookMs } = await exitAfterSigterm();
    expect(await answer).toBe('the host took its time');
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(SLOW_MS + 1_000);
  });

  it('waits for a request of the host for drainTimeoutMs at most', async () => {
    await start(platform, HOOKS, { drainTimeoutMs: 3_000 });
    await open(get('/host/never'));
    await host!.printed('never begins');
    const { code, tookMs } = await exitAfterSigterm();
    expect(code).toBe(0);
    expect(tookMs).toBeGreaterThan(2_900);
    expect(tookMs).toBeLessThan(3_000 + SLACK_MS);
  });

  it('exits at once on a second signal', async () => {
    await start(platform, HOOKS, { drainTimeoutMs: 60_000 });
    await open(get('/host/never'));
    await host!.printed('never begins');
    const exit = exitAfterSigterm();
    await host!.printed('the drain is over');
    host!.child.kill('SIGTERM');
    const { code, tookMs } = await exit;
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(1_500);
  });

  it('cuts a connection that was upgraded to a protocol of the host', async () => {
    await start(platform, HOOKS);
    await openAnswered(
      'GET /host-protocol HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n',
    );
    const { code, tookMs } = await exitAfterSigterm();
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(SLACK_MS);
  });
});

describe('graceful shutdown of a host on fastify', () => {
  it('closes connections to its further addresses of localhost', async () => {
    await start('fastify', 'with app.close() of its own', {
      addresses: ['127.0.0.1', '127.0.0.2'],
    });
    await open('', '127.0.0.2');
    await open('GET /half', '127.0.0.2');
    const { code, tookMs } = await exitAfterSigterm();
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(SLACK_MS);
  });

  it('closes HTTP/2 at once when idle, and soon when the client does not read', async () => {
    await start('fastify', HOOKS, { http2: true });
    const idle = connectHttp2(host!.url);
    await once(idle, 'connect');
    const goneAway = once(idle, 'close');
    const deaf = connectHttp2(host!.url);
    deaf.on('error', () => undefined);
    const download = deaf.request({ ':path': '/files/large.wav' });
    download.on('error', () => undefined);
    await once(download, 'response');
    const exit = exitAfterSigterm();
    await goneAway;
    expect(deaf.destroyed).toBe(false);
    const { code, tookMs } = await exit;
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(SLACK_MS);
  });
});

it('graceful shutdown logs drainTimeoutMs and the sessions that it waits for', async () => {
  await start('fastify', HOOKS, { drainTimeoutMs: 500 });
  const ids = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const { json, sessionId } = await post(`${host!.url}/start`, { transport: 'websocket' });
      const socket = new WebSocket(String(json.wsUrl));
      await once(socket, 'open');
      return String(sessionId);
    }),
  );
  const { code } = await exitAfterSigterm();
  expect(code).toBe(0);
  const [, named] = /draining: .* 12 session\(s\) to end \(drainTimeoutMs\): (.*)/.exec(host!.log)!;
  const [list, more] = named!.split(' and ');
  expect(more).toMatch(/^2 more\b/);
  expect(list!.split(', ')).toHaveLength(10);
  expect(ids).toEqual(expect.arrayContaining(list!.split(', ')));
});
