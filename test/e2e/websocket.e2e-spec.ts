import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import {
  type BotLauncher,
  RunnerModule,
  type RunnerOptions,
  type Session,
  SessionRegistry,
  TelephonyModule,
  WebSocketModule,
  WebSocketRunnerArguments,
  SessionEnd,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import {
  closeApps,
  closeOf,
  connect,
  nextText,
  PLATFORMS,
  post,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';

let running: RunningApp | undefined;
afterEach(closeApps);

async function start(
  platform: (typeof PLATFORMS)[number],
  bot?: BotLauncher['launch'],
  options: RunnerOptions & { pingIntervalMs?: number } = {},
) {
  const launcher = new RecordingLauncher(bot);
  const { pingIntervalMs, ...runnerOptions } = options;
  running = await startApp(platform, [
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [WebSocketModule.forRoot({ pingIntervalMs }), TelephonyModule.forRoot()],
      ...runnerOptions,
    }),
  ]);
  const registry = running.app.get(SessionRegistry, { strict: false });
  return { ...running, launcher, registry };
}

const socketOf = (args: unknown) => (args as WebSocketRunnerArguments).websocket;

/** Echoes every frame as it came, until the caller leaves. */
const echo: BotLauncher['launch'] = (args, session) =>
  new Promise((resolve) => {
    const socket = socketOf(args);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    session.ready();
    session.signal.addEventListener('abort', () => resolve());
  });

describe.each(PLATFORMS)('the plain WebSocket transport on %s', (platform) => {
  it('gives the bot the session and the body of POST /start', async () => {
    const { url, launcher, registry } = await start(platform);
    const { json, sessionId } = await post(`${url}/start`, {
      transport: 'websocket',
      body: { toString: 'kept', nested: [1, null] },
    });
    const client = await connect(json.wsUrl as string);
    const { args, session } = await launcher.nextLaunch();
    expect(args).toBeInstanceOf(WebSocketRunnerArguments);
    expect(args).toMatchObject({ transport_type: 'websocket', session_id: sessionId });
    expect(JSON.stringify(args.body)).toBe('{"toString":"kept","nested":[1,null]}');
    expect(session.id).toBe(sessionId);
    client.close();
    await expect((session as Session).ended).resolves.toMatchObject({ code: 'peer_left' });
    expect(registry.size).toBe(0);
  });

  it('accepts an unannounced client, with a body in the URL', async () => {
    const { wsUrl, launcher } = await start(platform);
    const body = Buffer.from(JSON.stringify({ name: 'Zoë' })).toString('base64');
    const client = await connect(`${wsUrl}/ws-client?body=${encodeURIComponent(body)}`);
    const { args, session } = await launcher.nextLaunch();
    expect(args.body).toEqual({ name: 'Zoë' });
    expect(args.session_id).toBe(session.id);
    client.terminate();
    await expect((session as Session).ended).resolves.toMatchObject({ code: 'peer_left' });
  });

  it('carries text and binary both ways, unchanged', async () => {
    const { wsUrl } = await start(platform, echo);
    const client = await connect(`${wsUrl}/ws-client`);
    for (const [data, binary] of [
      ['{"event":"not nest\'s"}', false],
      [Buffer.from([0, 255, 1, 254]), true],
      ['', false],
    ] as const) {
      const answer = once(client, 'message');
      client.send(data);
      const [got, isBinary] = (await answer) as [Buffer, boolean];
      expect(got.equals(Buffer.from(data))).toBe(true);
      expect(isBinary).toBe(binary);
    }
    client.close();
  });

  it('loses no early frame, however late the bot listens', async () => {
    const frames: string[] = [];
    let listen!: () => void;
    const told = new Promise<void>((resolve) => (listen = resolve));
    const { url, launcher } = await start(platform, async (args, session) => {
      await told;
      const socket = socketOf(args);
      socket.on('message', (data: Buffer) => frames.push(data.toString()));
      await once(session.signal, 'abort');
    });
    // Hand-made, so that ten frames stand in the same TCP segment as the upgrade request.
    const tcp = connectTcp(Number(new URL(url).port), '127.0.0.1');
    const mask = Buffer.alloc(4);
    const frame = (text: string) =>
      Buffer.concat([Buffer.from([0x81, 0x80 | text.length]), mask, Buffer.from(text)]);
    tcp.write(
      Buffer.concat([
        Buffer.from(
          'GET /ws-client HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
        ),
        ...Array.from({ length: 10 }, (_, i) => frame(`frame ${i}`)),
      ]),
    );
    const { session } = await launcher.nextLaunch();
    listen();
    tcp.write(frame('later'));
    tcp.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    await (session as Session).ended;
    expect(frames).toEqual([...Array.from({ length: 10 }, (_, i) => `frame ${i}`), 'later']);
    tcp.destroy();
  });

  it.each<[string, BotLauncher['launch'], number, string]>([
    ['returns', async (_, session) => session.ready(), 1000, 'completed'],
    ['throws', () => Promise.reject(new Error('secret inside')), 1011, 'failed'],
  ])('closes the socket when the bot %s', async (_, bot, code, ended) => {
    const { wsUrl, launcher } = await start(platform, bot);
    const close = await closeOf(`${wsUrl}/ws-client`);
    expect(close.code).toBe(code);
    expect(close.reason).not.toMatch(/secret/);
    const { session } = await launcher.nextLaunch();
    await expect((session as Session).ended).resolves.toMatchObject({ code: ended });
  });

  it('distinguishes a bot that hangs up from a client that leaves', async () => {
    const { wsUrl, launcher } = await start(platform, async (args, session) => {
      socketOf(args).close(1000, 'bye');
      await once(session.signal, 'abort');
    });
    await expect(closeOf(`${wsUrl}/ws-client`)).resolves.toEqual({ code: 1000, reason: 'bye' });
    const { session } = await launcher.nextLaunch();
    await expect((session as Session).ended).resolves.toMatchObject({ code: 'completed' });
  });

  it('closes the socket of a bot that does not stop', async () => {
    const { wsUrl, launcher } = await start(platform, () => new Promise(() => undefined), {
      stopGraceMs: 20,
    });
    const client = await connect(`${wsUrl}/ws-client`);
    const { session } = await launcher.nextLaunch();
    const closed = closeOf(client);
    await (session as Session).end(new SessionEnd('stopped', 'enough'));
    await expect(closed).resolves.toMatchObject({ code: 1000 });
  });

  it('ends everything on shutdown, with close code 1001', async () => {
    const { wsUrl, launcher, app } = await start(platform, echo);
    const client = await connect(`${wsUrl}/ws-client`);
    const { session } = await launcher.nextLaunch();
    const closed = closeOf(client);
    await app.close();
    await expect(closed).resolves.toMatchObject({ code: 1001 });
    await expect((session as Session).ended).resolves.toMatchObject({ code: 'draining' });
    running = undefined;
  });

  it('cuts off a peer that does not answer pings (heartbeat)', async () => {
    const { wsUrl, launcher } = await start(platform, echo, { pingIntervalMs: 25 });
    const client = await connect(`${wsUrl}/ws-client`, { autoPong: false });
    const { session } = await launcher.nextLaunch();
    await expect((session as Session).ended).resolves.toMatchObject({ code: 'peer_left' });
    client.terminate();
  });

  it('keeps a peer that does not answer pings but sends data', async () => {
    const { wsUrl } = await start(platform, echo, { pingIntervalMs: 25 });
    const client = await connect(`${wsUrl}/ws-client`, { autoPong: false });
    for (let pings = 0; pings < 5; pings++) {
      await once(client, 'ping');
      client.send('here');
    }
    expect(client.readyState).toBe(WebSocket.OPEN);
    client.close();
  });

  it('ends a session whose peer violates the WebSocket protocol', async () => {
    const { wsUrl, launcher } = await start(platform, echo, { maxPayloadBytes: 100 });
    const client = await connect(`${wsUrl}/ws-client`);
    const { session } = await launcher.nextLaunch();
    const closed = closeOf(client);
    client.send('x'.repeat(101));
    await expect(closed).resolves.toMatchObject({ code: 1009 });
    await expect((session as Session).ended).resolves.toMatchObject({ code: 'peer_error' });
  });

  it('exposes the backpressure of a peer that does not read to the bot', async () => {
    const { wsUrl, launcher } = await start(platform);
    const client = await connect(`${wsUrl}/ws-client`);
    const { args } = await launcher.nextLaunch();
    const socket = socketOf(args);
    client.pause();
    const chunk = Buffer.alloc(1_000_000);
    for (let i = 0; i < 50 && socket.bufferedAmount < 5_000_000; i++) socket.send(chunk);
    expect(socket.bufferedAmount).toBeGreaterThan(1_000_000);
    const drained = new Promise<void>((resolve) => socket.send('last', () => resolve()));
    client.resume();
    await drained;
    expect(socket.bufferedAmount).toBe(0);
    client.close();
  });

  describe('refuses', () => {
    it.each([
      ['an unknown session', `?session_id=${randomUUID()}`, 4003],
      ['a body that is not base64 JSON', '?body=%21%21', 1008],
      [
        'a body that is too large',
        `?body=${Buffer.from(`"${'x'.repeat(4_096)}"`).toString('base64')}`,
        1008,
      ],
    ])('%s', async (_, query, code) => {
      const { wsUrl, launcher, registry } = await start(platform);
      const close = await closeOf(`${wsUrl}/ws-client${query}`);
      expect(close.code).toBe(code);
      expect(close.reason).not.toBe('');
      expect(launcher.launches).toHaveLength(0);
      expect(registry.size).toBe(0);
    });

    it('a second client for one session', async () => {
      const { url, launcher } = await start(platform);
      const { json } = await post(`${url}/start`, { transport: 'websocket' });
      const client = await connect(json.wsUrl as string);
      await expect(closeOf(json.wsUrl as string)).resolves.toMatchObject({ code: 4003 });
      expect(launcher.launches).toHaveLength(1);
      client.close();
    });

    it('one session more than maxSessions, with close code 1013', async () => {
      const { wsUrl } = await start(platform, undefined, { maxSessions: 1 });
      const client = await connect(`${wsUrl}/ws-client`);
      await expect(closeOf(`${wsUrl}/ws-client`)).resolves.toMatchObject({ code: 1013 });
      client.close();
    });

    it('other and missing origins when origins are configured', async () => {
      const { wsUrl } = await start(platform, undefined, {
        allowedOrigins: ['https://app.example.com'],
      });
      const target = `${wsUrl}/ws-client`;
      await expect(closeOf(target)).resolves.toMatchObject({ code: 4003 });
      await expect(closeOf(target, { origin: 'https://evil.example' })).resolves.toMatchObject({
        code: 4003,
      });
      const client = await connect(target, { origin: 'HTTPS://APP.example.com' });
      client.close();
    });

    it('an upgrade to any other path, with 404', async () => {
      const { wsUrl } = await start(platform);
      for (const path of ['/', '/elsewhere', '/ws-client/a/b', '/ws-clients', '//ws-client']) {
        const socket = new WebSocket(`${wsUrl}${path}`);
        const [, response] = (await once(socket, 'unexpected-response')) as [
          unknown,
          { statusCode: number },
        ];
        expect(response.statusCode).toBe(404);
        socket.on('error', () => undefined).terminate();
      }
    });
  });

  describe('with token authentication', () => {
    const auth: RunnerOptions = { webSocketAuth: 'token' };

    it.each<[string, (wsUrl: string, token: string) => [string, object]]>([
      ['as a bearer', (url, token) => [url, { headers: { authorization: `Bearer ${token}` } }]],
      ['in the query', (url, token) => [`${url}?token=${token}`, {}]],
      ['in the path', (url, token) => [`${url}/${token}`, {}]],
    ])('accepts the token %s, once', async (_, target) => {
      const { url, launcher } = await start(platform, undefined, auth);
      const { json, sessionId } = await post(`${url}/start`, {
        transport: 'websocket',
        body: { a: 1 },
      });
      const [to, options] = target(json.wsUrl as string, json.token as string);
      const client = await connect(to, options);
      const { args } = await launcher.nextLaunch();
      expect(args).toMatchObject({ session_id: sessionId, body: { a: 1 } });
      await expect(closeOf(to, options)).resolves.toMatchObject({ code: 4003 });
      client.close();
      await expect(closeOf(to, options)).resolves.toMatchObject({ code: 4003 });
    });

    it('refuses missing and wrong tokens, session ids, and tokens of another transport', async () => {
      const { url, wsUrl } = await start(platform, undefined, auth);
      const { json, sessionId } = await post(`${url}/start`, { transport: 'twilio' });
      for (const target of [
        '/ws-client',
        '/ws-client?token=nonsense',
        `/ws-client?session_id=${sessionId}`,
        `/ws-client/${json.token as string}`,
      ]) {
        await expect(closeOf(wsUrl + target)).resolves.toMatchObject({ code: 4003 });
      }
    });

    it('refuses an expired token', async () => {
      const { url } = await start(platform, undefined, { ...auth, pendingTtlMs: 30 });
      const { json, sessionId } = await post(`${url}/start`, { transport: 'websocket' });
      const registry = running!.app.get(SessionRegistry, { strict: false });
      await registry.get(sessionId)?.ended;
      await expect(
        closeOf(`${json.wsUrl as string}/${json.token as string}`),
      ).resolves.toMatchObject({
        code: 4003,
      });
    });
  });

  it('keeps messages sent during the handshake in order', async () => {
    const { wsUrl } = await start(platform, async (args, session) => {
      socketOf(args).send('hello');
      await once(session.signal, 'abort');
    });
    const client = new WebSocket(`${wsUrl}/ws-client`);
    await expect(nextText(client)).resolves.toBe('hello');
    client.close();
  });
});
