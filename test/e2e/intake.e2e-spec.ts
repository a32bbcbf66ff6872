import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type INestApplication, Logger, Module, type NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  type AuthRequest,
  type Principal,
  DailyModule,
  RunnerAuth,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  TelephonyModule,
  WebSocketModule,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { formOf, TelnyxAccount, twilioHeaders } from '../support/carrier-signatures.js';
import {
  connect,
  listen,
  PLATFORMS,
  post,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';

/** Not a dependency of this package but of Nest's adapter, and so without types here. */
const EXPRESS: string = 'express';
const { default: express } = (await import(EXPRESS)) as { default: ExpressPackage };
interface ExpressPackage {
  (): Express;
  json(options?: object): unknown;
  urlencoded(options: object): unknown;
  raw(options: object): unknown;
  text(options: object): unknown;
}
interface Express {
  use(...middleware: unknown[]): void;
}

const TOKEN = 'a-token-of-the-account';
const KEY = 'pk_0123456789abcdef';
const FIELDS = { From: '+15550001', To: '+15550002', CallSid: 'CA1' };

let running: RunningApp | undefined;
afterEach(async () => {
  await running?.app.close();
  running = undefined;
  jest.restoreAllMocks();
});

const runner = (options: RunnerOptions & RunnerModuleExtras = {}) =>
  RunnerModule.forRoot({
    launcher: { useValue: new RecordingLauncher() },
    transports: [
      WebSocketModule.forRoot(),
      TelephonyModule.forRoot(),
      DailyModule.forRoot({ apiKey: 'key' }),
    ],
    defaultTransport: 'websocket',
    ...options,
  });

async function create(
  module: ReturnType<typeof runner>,
  adapter: FastifyAdapter | ExpressAdapter,
  options: NestApplicationOptions = {},
): Promise<INestApplication> {
  @Module({ imports: [module] })
  class HostModule {}
  return NestFactory.create<INestApplication>(HostModule, adapter, {
    logger: false,
    abortOnError: false,
    ...options,
  });
}

/** The bodies of the sessions that wait for their client, which are those of the requests that started them. */
const bodiesIn = (app: INestApplication): unknown[] =>
  app.get(SessionRegistry, { strict: false }).live.map(({ body }) => body);

describe.each(PLATFORMS)('a request body on %s', (platform) => {
  it.each([
    ['text/plain;charset=UTF-8', '{"body":{"n":1}}'],
    ['application/x-www-form-urlencoded', ' {"body":{"n":1}}'],
    ['application/octet-stream', '{"body":{"n":1}}'],
    ['application/vnd.api+json', '{"body":{"n":1}}'],
    ['', '{"body":{"n":1}}'],
  ])('is JSON with any content type: %s', async (type, body) => {
    running = await startApp(platform, [runner()]);
    const { app, url } = running;
    const outgoing = await fetch(`${url}/start`, {
      method: 'POST',
      headers: type ? { 'content-type': type } : {},
      body: Buffer.from(body),
    });
    expect(outgoing.status).toBe(200);
    expect(bodiesIn(app)).toEqual([{ n: 1 }]);
  });

  it('is a form unless it begins like JSON', async () => {
    running = await startApp(platform, [
      runner({
        transports: [
          TelephonyModule.forRoot({
            customParameters: ({ From, note }) => ({ From: From as string, note: note as string }),
          }),
        ],
      }),
    ]);
    const answer = await fetch(`${running.url}/telephony/twilio`, {
      method: 'POST',
      body: new URLSearchParams({ From: '+15550001', note: '{"a":1}' }),
    });
    expect(await answer.text()).toMatch(/name="From" value="\+15550001".*name="note"/s);
    const list = await fetch(`${running.url}/telephony/twilio`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: '["no", "fields"]',
    });
    expect(list.status).toBe(422);
  });

  it('keeps the host’s AsyncLocalStorage context, in the auth and in the bot', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    class Auth extends RunnerAuth {
      authorize({ access }: AuthRequest): Principal {
        seen.push([access, storage.getStore()]);
        return {};
      }
    }
    const launcher = new RecordingLauncher((_args, session) => {
      seen.push(['launch', storage.getStore()]);
      session.ready();
      return Promise.resolve();
    });
    const module = runner({ auth: Auth, launcher: { useValue: launcher } });
    const idOf = (request: IncomingMessage) => request.headers['x-request-id'] as string;
    let app: INestApplication;
    // Ahead of the intake as well as behind it.
    if (platform === 'express') {
      const instance = express();
      instance.use((request: IncomingMessage, _: unknown, next: () => void) =>
        storage.run(idOf(request), next),
      );
      app = await create(module, new ExpressAdapter(instance));
    } else {
      const adapter = new FastifyAdapter();
      adapter.getInstance().addHook('onRequest', (request, _reply, done) => {
        storage.run(idOf(request.raw), done);
      });
      app = await create(module, adapter);
    }
    running = await listen(app);
    const { url } = running;
    // In two parts, so that the end comes in an event of its own.
    const start = async (id: string) => {
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(Buffer.from('{"transport":'));
          await new Promise((resolve) => setImmediate(resolve));
          controller.enqueue(Buffer.from('"daily"}'));
          controller.close();
        },
      });
      const init = { method: 'POST', body, duplex: 'half', headers: { 'x-request-id': id } };
      expect((await fetch(`${url}/start`, init as RequestInit)).status).toBe(200);
    };
    await start('one');
    await start('two');
    expect(seen).toEqual([
      ['start', 'one'],
      ['launch', 'one'],
      ['start', 'two'],
      ['launch', 'two'],
    ]);
  });

  it('of the host’s routes is left to the host, with rawBody for signatures', async () => {
    const account = new TelnyxAccount();
    const app = await create(
      runner({
        transports: [
          TelephonyModule.forRoot({ webhookKeys: { twilio: TOKEN, telnyx: account.publicKey } }),
        ],
      }),
      platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
      { rawBody: true },
    );
    running = await listen(app);
    const { url } = running;
    const body = 'To=%2b15550002&From=%2B15550001';
    const answer = await fetch(`${url}/telephony/telnyx`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(await account.headers(body)),
      },
      body,
    });
    expect(answer.status).toBe(200);
  });

  it('of a page of another origin is refused without a preflight or a key', async () => {
    running = await startApp(platform, [
      runner({ publicUrl: undefined, allowedOrigins: undefined }),
    ]);
    const { app, url } = running;
    const { host } = new URL(url);
    const send = async (path: string, headers: Record<string, string>, method = 'POST') =>
      (
        await fetch(url + path, {
          method,
          headers,
          redirect: 'manual',
          ...(method === 'POST' && { body: '{}' }),
        })
      ).status;
    const json = { 'content-type': 'application/json' };
    const plain = { 'content-type': 'text/plain' };
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const stranger = { origin: 'https://evil.example' };
    const crossSite = { 'sec-fetch-site': 'cross-site' };
    const paths = ['/start', '/telephony/exotel'];
    for (const path of paths) {
      for (const type of [plain, form, {}]) {
        expect(await send(path, { ...type, ...stranger })).toBe(403);
        expect(await send(path, { ...type, ...crossSite })).toBe(403);
        expect(await send(path, { ...type, origin: 'null' })).toBe(403);
      }
    }
    // Nor by a link or a picture.
    expect(await send('/daily', crossSite, 'GET')).toBe(403);
    expect(bodiesIn(app)).toEqual([]);

    for (const path of paths) {
      for (const headers of [
        // With a preflight.
        { ...json, ...stranger },
        { ...json, ...crossSite },
        { ...plain, ...stranger, authorization: `Bearer ${KEY}` },
        // Of its own.
        { ...plain, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' },
        { ...form, origin: `https://${host}` },
        { ...plain, 'sec-fetch-site': 'none' },
        // No browser.
        plain,
        form,
        {},
      ]) {
        expect([headers, await send(path, headers)]).toEqual([headers, 200]);
      }
    }
    const refused = await post(`${url}/start`, '{}', { ...plain, ...stranger });
    expect(refused.json).toMatchObject({
      code: 'FORBIDDEN',
      detail: expect.stringMatching(/application\/json.*key/),
    });
  });

  it('is accepted from pages of the public URL, allowed origins and a proxy’s host', async () => {
    running = await startApp(platform, [
      runner({ path: 'one', publicUrl: 'https://bot.example.com/voice' }),
      runner({ path: 'two', allowedOrigins: ['https://App.example.com'] }),
    ]);
    const { url } = running;
    const send = async (path: string, headers: Record<string, string>) =>
      (await post(`${url}/${path}/start`, '{}', { 'content-type': 'text/plain', ...headers }))
        .status;
    expect(await send('one', { origin: 'https://bot.example.com' })).toBe(200);
    expect(await send('one', { origin: 'https://bot.example.com:8443' })).toBe(403);
    expect(
      await send('one', {
        origin: 'https://voice.example.com',
        'x-forwarded-host': 'voice.example.com, inner.example.com',
      }),
    ).toBe(200);
    expect(await send('two', { origin: 'https://app.example.com' })).toBe(200);
    expect(await send('two', { origin: 'https://evil.example' })).toBe(403);
  });

  it('for a bot may have any type from any page, because it starts nothing', async () => {
    const launcher = new RecordingLauncher(async (_args, session) => {
      session.onRequest(async (request) => new Response(await request.text()));
      session.ready();
      await once(session.signal, 'abort');
    });
    running = await startApp(platform, [runner({ launcher: { useValue: launcher } })]);
    const socket = await connect(`${running.wsUrl}/ws-client`);
    const { session } = await launcher.nextLaunch();
    const answer = await fetch(`${running.url}/sessions/${session.id}/upload`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', origin: 'https://evil.example' },
      body: 'as it is',
    });
    expect(await answer.text()).toBe('as it is');
    socket.terminate();
  });

  it('is answered with a wsUrl at the trusted proxy; an untrusted proxy is warned of once', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const warnings = () =>
      warn.mock.calls.map(([line]) => String(line)).filter((line) => /proxy/i.test(line));
    const start = async (trustProxy: boolean, options: RunnerOptions = {}) => {
      const adapter =
        platform === 'fastify' ? new FastifyAdapter({ trustProxy }) : new ExpressAdapter();
      const app = await create(runner(options), adapter);
      if (platform === 'express') (app as NestExpressApplication).set('trust proxy', trustProxy);
      running = await listen(app);
      return running.url;
    };
    const forwarded = {
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'bot.example.com',
    };
    const wsUrl = async (url: string, headers: Record<string, string> = forwarded) =>
      (await post(`${url}/start`, {}, headers)).json.wsUrl as string;

    expect(await wsUrl(await start(true))).toMatch(/^wss:\/\/bot\.example\.com\/ws-client/);
    await running!.app.close();
    expect(await wsUrl(await start(false, { publicUrl: 'wss.example.com' }))).toMatch(/^wss:/);
    await running!.app.close();
    expect(warnings()).toEqual([]);

    const url = await start(false);
    expect(await wsUrl(url, {})).toMatch(/^ws:\/\/127/);
    expect(warnings()).toEqual([]);
    expect(await wsUrl(url)).toMatch(/^ws:\/\/127/);
    expect(await wsUrl(url)).toMatch(/^ws:\/\/127/);
    expect(warnings()).toEqual([
      expect.stringMatching(/https:\/\/bot\.example\.com.*http:\/\/127.*publicUrl.*trust/s),
    ]);
  });
});

describe('a body that Express has read before the runner', () => {
  const keep = (request: { rawBody?: Buffer }, _response: unknown, bytes: Buffer): void => {
    request.rawBody = bytes;
  };

  async function start(
    middleware: unknown[],
    options: RunnerOptions & RunnerModuleExtras = {},
  ): Promise<RunningApp> {
    const instance = express();
    for (const one of middleware) instance.use(one);
    running = await listen(await create(runner(options), new ExpressAdapter(instance)));
    return running;
  }

  it.each<[string, unknown[]]>([
    ['express.json()', [express.json()]],
    ['express.json() that keeps the bytes', [express.json({ verify: keep })]],
    ['express.raw()', [express.raw({ type: '*/*' })]],
    ['express.text()', [express.text({ type: '*/*' })]],
  ])('is used as %s left it', async (_, middleware) => {
    const { app, url } = await start(middleware);
    expect((await post(`${url}/start`, { body: { n: 1 } })).status).toBe(200);
    expect(bodiesIn(app)).toEqual([{ n: 1 }]);
    // A request without a body has none read.
    expect((await fetch(`${url}/start`, { method: 'POST' })).status).toBe(200);
    expect((await post(`${url}/start`, { transport: 7 })).status).toBe(422);
  });

  it('has its signature checked over the raw bytes if they were kept', async () => {
    const { url } = await start([express.urlencoded({ extended: true, verify: keep })], {
      transports: [TelephonyModule.forRoot({ webhookKeys: { twilio: TOKEN } })],
    });
    const send = async (fields: typeof FIELDS) =>
      (
        await fetch(`${url}/telephony/twilio`, {
          method: 'POST',
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            ...twilioHeaders(TOKEN, `${url}/telephony/twilio`, FIELDS),
          },
          body: formOf(fields),
        })
      ).status;
    expect(await send(FIELDS)).toBe(200);
    expect(await send({ ...FIELDS, To: '+1900' })).toBe(401);
  });

  it('fails signature checks without the raw bytes, and the log names the fix', async () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const { url } = await start([express.urlencoded({ extended: true })], {
      transports: [TelephonyModule.forRoot({ webhookKeys: { twilio: TOKEN } })],
    });
    const answer = await fetch(`${url}/telephony/twilio`, {
      method: 'POST',
      headers: twilioHeaders(TOKEN, `${url}/telephony/twilio`, FIELDS),
      body: new URLSearchParams(FIELDS),
    });
    expect(answer.status).toBe(500);
    expect(log.mock.calls.flat().join()).toMatch(/request\.rawBody.*express\.json\(\{ verify/s);
  });

  it('is passed to a bot’s request handler', async () => {
    const launcher = new RecordingLauncher(async (_args, session) => {
      session.onRequest(async (request) => new Response(await request.text()));
      session.ready();
      await once(session.signal, 'abort');
    });
    const { url, wsUrl } = await start([express.json({ verify: keep })], {
      launcher: { useValue: launcher },
    });
    const socket = await connect(`${wsUrl}/ws-client`);
    const { session } = await launcher.nextLaunch();
    const answer = await fetch(`${url}/sessions/${session.id}/x`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{ "n": 1 }',
    });
    expect(await answer.text()).toBe('{ "n": 1 }');
    socket.terminate();
  });

  it('keeps its limits', async () => {
    const { url } = await start([express.raw({ type: '*/*' })], { bodyLimitBytes: 100 });
    expect((await post(`${url}/start`, { body: 'x'.repeat(100) })).status).toBe(413);
    const deep = `{"body":${'['.repeat(1_000)}${']'.repeat(1_000)}}`;
    await running!.app.close();
    const { url: next } = await start([express.raw({ type: '*/*' })]);
    expect((await post(`${next}/start`, deep)).status).toBe(400);
  });

  it('is an error of the host when nothing is left of it', async () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const { url } = await start([
      (request: IncomingMessage, _: unknown, next: () => void) =>
        void text(request).then(() => next()),
    ]);
    expect((await post(`${url}/start`, {})).status).toBe(500);
    expect(log.mock.calls.flat().join()).toMatch(/read the body of a request before the runner/);
  });

  it('is used when a serverless platform passes it with the request', async () => {
    const app = await create(runner(), new ExpressAdapter());
    await app.init();
    const handler = app.getHttpAdapter().getInstance() as unknown as (
      request: IncomingMessage,
      response: ServerResponse,
    ) => void;
    // As functions platforms do: the body is read, parsed, and kept as bytes.
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        Object.assign(request, { body: JSON.parse(body) as unknown, rawBody: Buffer.from(body) });
        handler(request, response);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expect((await post(`${url}/start`, { body: { n: 1 } })).status).toBe(200);
      expect(bodiesIn(app)).toEqual([{ n: 1 }]);
    } finally {
      server.close();
      await app.close();
    }
  });
});

describe('a body over HTTP/2', () => {
  it.each([true, false])('is read, with its length announced: %s', async (announced) => {
    const adapter = new FastifyAdapter({ http2: true } as never);
    const app = (await create(
      runner({ bodyLimitBytes: 1_000 }),
      adapter as never,
    )) as NestFastifyApplication;
    running = await listen(app);
    const session = connectHttp2(running.url);
    const send = async (body: string | undefined) => {
      const stream = session.request(
        {
          ':method': 'POST',
          ':path': '/start',
          'content-type': 'application/json',
          ...(announced && body !== undefined && { 'content-length': String(body.length) }),
        },
        { endStream: body === undefined },
      );
      if (body !== undefined) stream.end(body);
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      return { status: headers[':status'], answer: await text(stream) };
    };
    try {
      expect(await send('{"body":{"n":1}}')).toMatchObject({ status: 200 });
      expect(bodiesIn(app)).toEqual([{ n: 1 }]);
      expect(await send('{"transport":"pigeon"}')).toMatchObject({ status: 400 });
      expect(await send(undefined)).toMatchObject({ status: 200 });
      expect(await send(JSON.stringify({ body: 'x'.repeat(2_000) }))).toMatchObject({
        status: 413,
      });
      // The connection goes on.
      expect(await send('{}')).toMatchObject({ status: 200 });
    } finally {
      session.close();
    }
  });
});
