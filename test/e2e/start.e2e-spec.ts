import { connect as connectTcp } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DynamicModule } from '@nestjs/common';
import {
  DailyModule,
  RunnerModule,
  SessionRegistry,
  TelephonyModule,
  WebSocketModule,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import {
  PLATFORMS,
  post,
  type RunningApp,
  runnerModule,
  startApp,
  WAYS,
} from '../support/runner-app.js';

const transports = () => [WebSocketModule.forRoot(), TelephonyModule.forRoot()];

describe.each(PLATFORMS)('POST /start on %s', (platform) => {
  describe.each(WAYS)('with %s', (way) => {
    let running: RunningApp;
    beforeAll(async () => {
      running = await startApp(platform, [
        runnerModule(way, {
          launcher: { useValue: new RecordingLauncher() },
          transports: transports(),
          defaultTransport: 'websocket',
          bodyLimitBytes: 10_000,
        }),
      ]);
    });
    afterAll(() => running.app.close());

    it('lists the accepted transports in GET /status', async () => {
      const response = await fetch(`${running.url}/status`);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({
        status: 'ready',
        transports: ['websocket', 'twilio', 'telnyx', 'plivo', 'exotel', 'vonage', 'genesys'],
      });
    });

    it('answers a websocket start', async () => {
      const { status, json, sessionId } = await post(`${running.url}/start`, {
        transport: 'websocket',
      });
      expect(status).toBe(200);
      expect(sessionId).toMatch(/^[0-9a-f-]{36}$/);
      expect(json).toEqual({ wsUrl: `${running.wsUrl}/ws-client?session_id=${sessionId}` });
    });

    it.each(['twilio', 'telnyx', 'plivo', 'exotel'])('answers a %s start', async (transport) => {
      const { status, json, sessionId } = await post(`${running.url}/start`, { transport });
      expect(status).toBe(200);
      expect(json).toEqual({ wsUrl: `${running.wsUrl}/ws/${sessionId}` });
    });

    it.each([
      ['an empty body', ''],
      ['malformed JSON', '{"transport":'],
      ['an empty object', '{}'],
      ['nulls', '{"transport":null,"body":null}'],
      ['unknown fields', '{"hello":1}'],
    ])('uses the defaults for %s', async (_, body) => {
      const { status, json } = await post(`${running.url}/start`, body);
      expect(status).toBe(200);
      expect(json.wsUrl).toContain('/ws-client');
    });

    it('accepts a request without a body', async () => {
      const response = await fetch(`${running.url}/start`, { method: 'POST' });
      expect(response.status).toBe(200);
    });

    it.each([
      [
        'an unknown transport',
        '{"transport":"carrier-pigeon"}',
        400,
        /carrier-pigeon.*websocket, twilio/,
      ],
      ['a transport that is not there', '{"createDailyRoom":true}', 400, /daily.*Accepted/],
      ['a transport of the wrong type', '{"transport":7}', 422, /transport/],
      ['a long namespace', JSON.stringify({ namespace: 'x'.repeat(201) }), 422, /namespace/],
      ['a namespace that is no name', '{"namespace":"a\\u001b[2J"}', 422, /namespace/],
      ['a list', '[]', 422, /object/],
      ['a string', '"hello"', 422, /object/],
      ['too deep JSON', `{"body":${'['.repeat(1_000)}${']'.repeat(1_000)}}`, 400, /deeper/],
      ['a large body', JSON.stringify({ body: 'x'.repeat(10_000) }), 413, /10000 bytes/],
    ])('refuses %s', async (_, body, expected, detail) => {
      const { status, json } = await post(`${running.url}/start`, body);
      expect(status).toBe(expected);
      expect(json).toMatchObject({
        statusCode: expected,
        error: expect.any(String),
        message: expect.any(String),
        detail: expect.stringMatching(detail),
      });
    });

    it('names the invalid fields', async () => {
      const { json } = await post(`${running.url}/start`, { transport: 1, createDailyRoom: 'yes' });
      const fields = (json.errors as { field: string }[]).map(({ field }) => field);
      expect(fields.sort()).toEqual(['createDailyRoom', 'transport']);
    });

    it('answers a large body of unannounced length with 413', async () => {
      const port = Number(new URL(running.url).port);
      const socket = connectTcp(port, '127.0.0.1');
      const chunk = 'x'.repeat(0x4000);
      socket.write(
        'POST /start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
          `Transfer-Encoding: chunked\r\n\r\n4000\r\n${chunk}\r\n`,
      );
      const [data] = (await once(socket, 'data')) as [Buffer];
      expect(data.toString()).toMatch(/^HTTP\/1.1 413 /);
      socket.destroy();
    });

    it.each([
      'text/plain',
      'application/xml',
      'multipart/form-data; boundary=x',
      'application/x-www-form-urlencoded',
    ])('reads JSON sent as %s', async (type) => {
      const { status, json } = await post(
        `${running.url}/start`,
        '{"transport":"carrier-pigeon"}',
        { 'content-type': type },
      );
      expect(status).toBe(400);
      expect(json.detail).toMatch(/carrier-pigeon/);
    });

    it('refuses a body with a Content-Encoding', async () => {
      const { status, json } = await post(`${running.url}/start`, '{}', {
        'content-encoding': 'gzip',
      });
      expect(status).toBe(415);
      expect(json.detail).toMatch(/Content-Encoding/);
    });

    it('answers preflights and sets CORS headers', async () => {
      const preflight = await fetch(`${running.url}/start`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://app.example.com',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type, authorization',
        },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
      expect(preflight.headers.get('access-control-allow-headers')).toBe(
        'content-type, authorization',
      );
      const { headers } = await post(
        `${running.url}/start`,
        {},
        { origin: 'https://app.example.com' },
      );
      expect(headers.get('access-control-allow-origin')).toBe('*');
    });
  });

  it('stays below its path, also for unknown routes, and leaves the rest to the host', async () => {
    const { app, url } = await startApp(platform, [
      RunnerModule.forRoot({
        path: 'voice',
        launcher: { useValue: new RecordingLauncher() },
        transports: transports(),
      }),
    ]);
    try {
      const { json } = await post(`${url}/voice/start`, { transport: 'twilio' });
      expect(json.wsUrl).toMatch(/\/voice\/ws\/[0-9a-f-]{36}$/);
      const unknown = await fetch(`${url}/voice/nothing/here`);
      expect(unknown.status).toBe(404);
      expect(await unknown.json()).toMatchObject({ statusCode: 404, detail: expect.any(String) });
      expect((await post(`${url}/start`)).json).not.toHaveProperty('detail');
    } finally {
      await app.close();
    }
  });

  it('allows only the configured origins and its own', async () => {
    const { app, url } = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: { useValue: new RecordingLauncher() },
        transports: transports(),
        publicUrl: 'Bot.example.com/voice/',
        allowedOrigins: ['https://App.example.com'],
      }),
    ]);
    try {
      const start = async (origin: string) =>
        (await post(`${url}/start`, { transport: 'websocket' }, { origin })).status;
      expect(await start('https://app.example.com')).toBe(200);
      expect(await start('https://bot.example.com')).toBe(200);
      expect(await start('http://bot.example.com')).toBe(403);
      const allowed = await fetch(`${url}/status`, {
        headers: { origin: 'https://app.example.com' },
      });
      expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
      expect(allowed.headers.get('vary')).toMatch(/Origin/);
      const other = await fetch(`${url}/status`, { headers: { origin: 'https://evil.example' } });
      expect(other.headers.get('access-control-allow-origin')).toBeNull();
    } finally {
      await app.close();
    }
  });

  it('answers 501 with the fix when no bot is configured', async () => {
    const { app, url } = await startApp(platform, [
      RunnerModule.forRoot({ transports: transports() }),
    ]);
    try {
      const { status, json } = await post(`${url}/start`, { transport: 'websocket' });
      expect(status).toBe(501);
      expect(json.detail).toMatch(/launcher: MyBot/);
      expect(app.get(SessionRegistry, { strict: false }).size).toBe(0);
    } finally {
      await app.close();
    }
  });

  it('answers 429 with Retry-After when maxSessions is reached', async () => {
    const { app, url } = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: { useValue: new RecordingLauncher() },
        transports: transports(),
        maxSessions: 3,
        onlyTransport: 'websocket',
      }),
    ]);
    try {
      const answers = await Promise.all(Array.from({ length: 10 }, () => post(`${url}/start`)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(7);
      expect(refused[0]!.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(refused[0]!.json.code).toBe('AT_CAPACITY');
      const { status, json } = await post(`${url}/start`, { transport: 'twilio' });
      expect(status).toBe(400);
      expect(json.detail).toMatch(/Accepted: websocket\.$/);
      expect(await (await fetch(`${url}/status`)).json()).toMatchObject({
        transports: ['websocket'],
      });
    } finally {
      await app.close();
    }
  });

  it('builds wsUrl from the public URL', async () => {
    const { app, url } = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: { useValue: new RecordingLauncher() },
        transports: transports(),
        publicUrl: 'https://bot.example.com/',
        webSocketAuth: 'token',
      }),
    ]);
    try {
      const { json } = await post(`${url}/start`, { transport: 'websocket' });
      expect(json).toEqual({
        wsUrl: 'wss://bot.example.com/ws-client',
        token: expect.stringMatching(/^[\w-]+\.[0-9a-f]{64}$/),
      });
    } finally {
      await app.close();
    }
  });
});

it.each<[string, object[], object, number, RegExp]>([
  ['the only one there is', [WebSocketModule.forRoot()], {}, 200, /ws-client/],
  [
    'the only one that can be used',
    [WebSocketModule.forRoot(), DailyModule.forRoot()],
    {},
    200,
    /ws-client/,
  ],
  [
    'the default, even where that is not there',
    [WebSocketModule.forRoot()],
    { defaultTransport: 'daily' },
    400,
    /'daily' is not known.*Accepted: websocket/,
  ],
  ['webrtc where there are several', transports(), {}, 400, /'webrtc' is not known/],
])('POST /start without a transport uses %s', async (_, modules, options, status, answer) => {
  const running = await startApp('fastify', [
    RunnerModule.forRoot({
      launcher: { useValue: new RecordingLauncher() },
      transports: modules as DynamicModule[],
      ...options,
    }),
  ]);
  const { status: answered, json } = await post(`${running.url}/start`, {});
  await running.app.close();
  expect(answered).toBe(status);
  expect(JSON.stringify(json)).toMatch(answer);
});
