import { once } from 'node:events';
import {
  Controller,
  Get,
  type INestApplication,
  Module,
  type ModuleMetadata,
  type NestApplicationOptions,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  DownloadsModule,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SmallWebRtcModule,
  WebSocketModule,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import {
  closeApps,
  connect,
  listen,
  PLATFORMS,
  type Platform,
  type RunningApp,
} from '../support/runner-app.js';

const PAGE = 'https://app.example.com';
const STRANGER = 'https://evil.example';

let running: RunningApp | undefined;
afterEach(closeApps);

const bot = new RecordingLauncher(async (_args, session) => {
  session.onRequest(() => new Response('the bot', { headers: { vary: 'Accept' } }));
  session.ready();
  await once(session.signal, 'abort');
});

const runner = (options: RunnerOptions & RunnerModuleExtras = {}) =>
  RunnerModule.forRoot({
    launcher: { useValue: bot },
    transports: [WebSocketModule.forRoot(), SmallWebRtcModule.forRoot()],
    features: [DownloadsModule.forRoot({ folder: 'demo' })],
    defaultTransport: 'websocket',
    ...options,
  });

@Controller('own')
class OwnController {
  @Get()
  get(): string {
    return 'own';
  }
}

interface Host {
  readonly imports?: ModuleMetadata['imports'];
  readonly options?: NestApplicationOptions;
  readonly configure?: (app: INestApplication) => void | Promise<void>;
}

async function start(platform: Platform, { imports, options, configure }: Host): Promise<string> {
  @Module({ imports: imports ?? [runner()], controllers: [OwnController] })
  class HostModule {}
  const app = await NestFactory.create(
    HostModule,
    platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
    { logger: false, abortOnError: false, ...options },
  );
  await configure?.(app);
  running = await listen(app);
  return running.url;
}

/** The headers of an answer that matter to pages. */
interface Seen {
  readonly status: number;
  readonly allowed: string | null;
  readonly credentials: string | null;
  readonly varies: boolean;
  readonly exposed: string[];
  readonly methods: string[];
  readonly headers: string | null;
  readonly sessionId: string | null;
}

async function ask(
  url: string,
  { origin, ...init }: RequestInit & { origin?: string } = {},
): Promise<Seen> {
  const headers = new Headers(init.headers);
  if (origin !== undefined) headers.set('origin', origin);
  const response = await fetch(url, { ...init, headers });
  await response.arrayBuffer();
  const list = (name: string) =>
    (response.headers.get(name) ?? '').split(',').flatMap((part) => part.trim() || []);
  return {
    status: response.status,
    allowed: response.headers.get('access-control-allow-origin'),
    credentials: response.headers.get('access-control-allow-credentials'),
    varies: list('vary').some((name) => name.toLowerCase() === 'origin'),
    exposed: list('access-control-expose-headers'),
    methods: list('access-control-allow-methods'),
    headers: response.headers.get('access-control-allow-headers'),
    sessionId: response.headers.get('x-session-id'),
  };
}

const preflight = (url: string, origin: string, method = 'POST') =>
  ask(url, {
    origin,
    method: 'OPTIONS',
    headers: {
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type',
    },
  });

const started = (url: string, origin?: string) =>
  ask(`${url}/start`, {
    origin,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });

describe.each(PLATFORMS)('CORS on %s', (platform) => {
  it('allows every origin without credentials by default', async () => {
    const url = await start(platform, {});
    expect(await started(url, PAGE)).toMatchObject({
      status: 200,
      allowed: '*',
      credentials: null,
      exposed: ['X-Session-Id', 'X-File-Upload-Url', 'Retry-After'],
      sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(await preflight(`${url}/api/offer`, PAGE, 'PATCH')).toMatchObject({
      status: 204,
      allowed: '*',
      credentials: null,
      methods: expect.arrayContaining(['PATCH', 'DELETE']),
      headers: 'authorization,content-type',
    });
    // A cache may give a page what somebody else asked for.
    expect(await ask(`${url}/status`)).toMatchObject({ allowed: '*' });
    // Refusals, and answers that go around the framework, can be read, too.
    expect(await ask(`${url}/sessions/none`, { origin: PAGE })).toMatchObject({
      status: 404,
      allowed: '*',
    });
    expect(await ask(`${url}/files/demo.js`, { origin: PAGE })).toMatchObject({ allowed: '*' });
    expect(await ask(`${url}/own`, { origin: PAGE })).toMatchObject({ allowed: null, exposed: [] });
  });

  describe.each<[string, Host]>([
    ['enableCors()', { configure: (app) => app.enableCors({ origin: [PAGE], credentials: true }) }],
    ['an option', { options: { cors: { origin: [PAGE], credentials: true } } }],
    [
      'a delegate',
      {
        configure: (app) =>
          app.enableCors((request: unknown, answer: (error: null, options: object) => void) =>
            answer(null, { origin: [PAGE], credentials: true }),
          ),
      },
    ],
  ])('configured by the host with %s', (_, host) => {
    it('stays in force', async () => {
      const url = await start(platform, host);
      expect(await started(url, PAGE)).toMatchObject({
        status: 200,
        allowed: PAGE,
        credentials: 'true',
        varies: true,
        exposed: ['X-Session-Id', 'X-File-Upload-Url', 'Retry-After'],
      });
      expect(await started(url, STRANGER)).toMatchObject({ allowed: null, varies: true });
      expect(await ask(`${url}/own`, { origin: PAGE })).toMatchObject({ allowed: PAGE });
      expect(await ask(`${url}/files/demo.js`, { origin: PAGE })).toMatchObject({ allowed: PAGE });
    });

    it('allows all methods of the routes', async () => {
      const url = await start(platform, host);
      for (const [path, method] of [
        ['/api/offer', 'PATCH'],
        ['/sessions/x', 'DELETE'],
        ['/sessions/x/y', 'PUT'],
      ] as const) {
        expect(await preflight(url + path, PAGE, method)).toMatchObject({
          status: 204,
          allowed: PAGE,
          credentials: 'true',
          methods: expect.arrayContaining([method]),
          headers: 'authorization,content-type',
        });
      }
      expect(await preflight(`${url}/start`, STRANGER)).toMatchObject({ allowed: null });
    });
  });

  it('of a host that leaves preflights to its routes is completed', async () => {
    const url = await start(platform, {
      configure: (app) => app.enableCors({ origin: PAGE, preflightContinue: true }),
    });
    expect(await preflight(`${url}/api/offer`, PAGE, 'PATCH')).toMatchObject({
      status: 204,
      allowed: PAGE,
      methods: expect.arrayContaining(['PATCH']),
    });
  });

  it('headers that the host sets by hand stay in force', async () => {
    const url = await start(platform, {
      configure: (app) => {
        if (platform === 'express') {
          app.use((_: unknown, response: Map<string, string>, next: () => void) => {
            (response as unknown as { setHeader(...header: string[]): void }).setHeader(
              'Access-Control-Allow-Origin',
              PAGE,
            );
            next();
          });
        } else {
          const fastify = (app as NestFastifyApplication).getHttpAdapter().getInstance();
          fastify.addHook('onRequest', (_request, reply, done) => {
            void reply.header('Access-Control-Allow-Origin', PAGE);
            done();
          });
        }
      },
    });
    expect(await started(url, PAGE)).toMatchObject({ status: 200, allowed: PAGE });
  });

  describe('with allowedOrigins', () => {
    const imports = [runner({ allowedOrigins: [PAGE] })];

    it.each<[string, Host]>([
      ['alone', { imports }],
      ['beside a host that lets everybody in', { imports, options: { cors: true } }],
      [
        'beside a host that lets others in with their cookies',
        {
          imports,
          configure: (app) => app.enableCors({ origin: [STRANGER], credentials: true }),
        },
      ],
    ])('allows the listed origins only: %s', async (_, host) => {
      const url = await start(platform, host);
      expect(await started(url, PAGE)).toMatchObject({
        status: 200,
        allowed: PAGE,
        credentials: 'true',
        varies: true,
        exposed: ['X-Session-Id', 'X-File-Upload-Url', 'Retry-After'],
      });
      expect(await started(url, STRANGER)).toMatchObject({
        status: 403,
        allowed: null,
        credentials: null,
        varies: true,
      });
      expect(await ask(`${url}/status`, { origin: STRANGER })).toMatchObject({
        status: 200,
        allowed: null,
        credentials: null,
      });
      expect(await ask(`${url}/status`)).toMatchObject({ allowed: null, varies: true });
      expect(await preflight(`${url}/api/offer`, PAGE, 'PATCH')).toMatchObject({
        status: 204,
        allowed: PAGE,
        credentials: 'true',
        methods: expect.arrayContaining(['PATCH', 'DELETE']),
        headers: 'authorization,content-type',
      });
      expect(await preflight(`${url}/start`, STRANGER)).toMatchObject({
        allowed: null,
        credentials: null,
      });
    });

    it('covers answers of bots and downloads, and keeps their Vary header', async () => {
      const url = await start(platform, { imports });
      const socket = await connect(`${url.replace('http', 'ws')}/ws-client`, { origin: PAGE });
      const { session } = await bot.nextLaunch();
      const response = await fetch(`${url}/sessions/${session.id}/x`, {
        headers: { origin: PAGE },
      });
      expect([
        response.headers.get('access-control-allow-origin'),
        response.headers.get('vary'),
      ]).toEqual([PAGE, 'Accept, Origin']);
      expect(await ask(`${url}/files/demo.js`, { origin: PAGE })).toMatchObject({
        allowed: PAGE,
        varies: true,
      });
      socket.terminate();
    });

    it('is separate for each runner', async () => {
      const url = await start(platform, {
        imports: [
          runner({ allowedOrigins: [PAGE], path: 'one' }),
          runner({ allowedOrigins: [STRANGER], path: 'two' }),
          runner({ path: 'three' }),
        ],
      });
      const allowed = async (path: string) =>
        (await ask(`${url}/${path}/status`, { origin: PAGE })).allowed;
      expect([await allowed('one'), await allowed('two'), await allowed('three')]).toEqual([
        PAGE,
        null,
        '*',
      ]);
      expect((await preflight(`${url}/two/start`, STRANGER)).allowed).toBe(STRANGER);
    });
  });
});

describe('CORS on fastify', () => {
  it.each([{}, { allowedOrigins: [PAGE] }])(
    'covers answers of a host’s hook before a route, with %j',
    async (options) => {
      const url = await start('fastify', {
        imports: [runner(options)],
        configure: (app) => {
          const fastify = (app as NestFastifyApplication).getHttpAdapter().getInstance();
          fastify.addHook('onRequest', (request, reply, done) => {
            if (request.method === 'OPTIONS') done();
            else void reply.code(429).send({ message: 'too often' });
          });
        },
      });
      const seen = await started(url, PAGE);
      expect(seen.status).toBe(429);
      expect([PAGE, '*']).toContain(seen.allowed);
    },
  );

  it('registered by the host as a plugin stays in force', async () => {
    const url = await start('fastify', {
      configure: async (app) => {
        const { default: cors } = await import('@fastify/cors');
        await (app as NestFastifyApplication).register(cors, {
          origin: [PAGE],
          methods: ['GET'],
        });
      },
    });
    expect(await started(url, PAGE)).toMatchObject({ allowed: PAGE });
    expect(await started(url, STRANGER)).toMatchObject({ allowed: null });
    expect(await preflight(`${url}/api/offer`, PAGE, 'PATCH')).toMatchObject({
      allowed: PAGE,
      methods: expect.arrayContaining(['GET', 'PATCH']),
    });
  });
});
