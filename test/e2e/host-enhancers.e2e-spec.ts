import { once } from 'node:events';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  ClassSerializerInterceptor,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Injectable,
  Logger,
  type NestInterceptor,
  type Provider,
  Scope,
  type Type,
  UnauthorizedException,
  ValidationPipe,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, REQUEST } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { map, NEVER, type Observable, of, tap, throwError } from 'rxjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  DailyModule,
  DownloadsModule,
  OpenApiModule,
  RunnerAuth,
  runnerAccess,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  startsSession,
  TelephonyModule,
  WebSocketModule,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { ChildHost } from '../support/child-host.js';
import { FakeDaily } from '../support/fake-daily.js';
import {
  connect,
  PLATFORMS,
  type Platform,
  post,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';

let running: RunningApp | undefined;
let daily: FakeDaily | undefined;
afterEach(async () => {
  await running?.app.close();
  await daily?.close();
  running = daily = undefined;
  jest.restoreAllMocks();
});

const makeBot = () =>
  new RecordingLauncher(async (_args, session) => {
    session.onRequest((request) => Response.json({ url: request.url }, { status: 203 }));
    session.ready();
    await once(session.signal, 'abort');
  });
let bot: RecordingLauncher;
beforeEach(() => {
  bot = makeBot();
});

async function start(
  platform: Platform,
  providers: Provider[],
  options: RunnerOptions & RunnerModuleExtras = {},
): Promise<RunningApp> {
  daily = await FakeDaily.start();
  running = await startApp(
    platform,
    [
      RunnerModule.forRoot({
        launcher: { useValue: bot },
        transports: [
          WebSocketModule.forRoot(),
          TelephonyModule.forRoot(),
          DailyModule.forRoot({ apiKey: daily.apiKey, apiUrl: daily.apiUrl }),
        ],
        features: [DownloadsModule.forRoot({ folder: 'demo' }), OpenApiModule.forRoot()],
        defaultTransport: 'websocket',
        maxSessions: 50,
        ...options,
      }),
    ],
    undefined,
    { providers, controllers: [OwnController] },
  );
  return running;
}

@Controller('own')
class OwnController {
  @Get()
  get(): object {
    return { own: true };
  }
}

/** Removes values that differ each time or are irrelevant. */
const volatile = (text: string, url: string): string =>
  text
    .replaceAll(url, '')
    .replaceAll(url.replace('http', 'ws'), '')
    .replaceAll(new URL(url).host, '')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|pipecat-[0-9a-f]{8}/g, '<id>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>');

/** All kinds of answers there are, as bytes and headers. */
async function wireOf({ url, wsUrl }: RunningApp): Promise<object[]> {
  const socket = await connect(`${wsUrl}/ws-client`);
  const { session } = await bot.nextLaunch();
  const json = (body: unknown) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const requests: [string, RequestInit?][] = [
    ['/status'],
    // Once more, for what is kept.
    ['/status'],
    ['/status', { method: 'HEAD' }],
    ['/livez'],
    ['/readyz'],
    ['/start', json({ body: { n: 1 } })],
    ['/start', json({ transport: 7 })],
    ['/start', json({ transport: 'pigeon' })],
    ['/daily'],
    ['/daily-dialin-webhook', json({ test: 'test' })],
    ['/daily-dialin-webhook', json({})],
    ['/telephony/twilio', { method: 'POST', body: new URLSearchParams({ From: '+1' }) }],
    ['/telephony/exotel', { method: 'POST' }],
    ['/telephony/pigeon', { method: 'POST' }],
    ['/sessions?limit=1'],
    [`/sessions/${session.id}`],
    ['/sessions/none'],
    [`/sessions/${session.id}/a?b=c`, { method: 'PUT', body: 'x' }],
    ['/sessions/none/a'],
    ['/files/demo.js'],
    ['/files/none'],
    ['/openapi.json'],
    ['/docs'],
    ['/start', { method: 'OPTIONS', headers: { origin: 'https://a.example' } }],
  ];
  const answers: object[] = [];
  for (const [path, init] of requests) {
    const response = await fetch(url + path, { redirect: 'manual', ...init });
    const headers = Object.fromEntries(response.headers);
    for (const name of ['date', 'etag', 'last-modified', 'content-length']) delete headers[name];
    answers.push({
      path: volatile(path, url),
      status: response.status,
      headers: JSON.parse(volatile(JSON.stringify(headers), url)) as object,
      body: volatile(await response.text(), url),
    });
  }
  socket.terminate();
  return answers;
}

const interceptor = (
  intercept: (next: CallHandler, context: ExecutionContext) => Observable<unknown>,
): Provider => ({
  provide: APP_INTERCEPTOR,
  useValue: { intercept: (context, next) => intercept(next, context) } satisfies NestInterceptor,
});

/** As `CacheInterceptor` of `@nestjs/cache-manager`, and around it one that wraps what comes out. */
function cache(): Provider {
  const kept = new Map<string, unknown>();
  return interceptor((next, context) => {
    const { url } = context.switchToHttp().getRequest<{ url: string }>();
    if (kept.has(url)) return of(kept.get(url));
    return next.handle().pipe(tap((value: unknown) => kept.set(url, value)));
  });
}

const wrap = interceptor((next) => next.handle().pipe(map((data: unknown) => ({ data }))));

@Injectable({ scope: Scope.REQUEST })
class RequestScopedInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ scoped: data })));
  }
}

@Catch()
class TeapotFilter implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<{
      status(code: number): { send(body: unknown): void };
    }>();
    response.status(418).send({ teapot: true });
  }
}

const ENHANCERS: [string, () => Provider[]][] = [
  ['wrap what is returned', () => [wrap]],
  ['keep what was wrapped', () => [cache(), wrap]],
  ['serialise classes', () => [{ provide: APP_INTERCEPTOR, useClass: ClassSerializerInterceptor }]],
  ['throw before the handler', () => [interceptor(() => throwError(() => new Error('no tenant')))]],
  [
    'throw at once',
    () => [
      interceptor(() => {
        throw new UnauthorizedException('no tenant');
      }),
    ],
  ],
  [
    'throw for undefined',
    () => [
      interceptor((next) =>
        next.handle().pipe(
          map((value: unknown) => {
            if (value === undefined) throw new Error('no value');
            return value;
          }),
        ),
      ),
    ],
  ],
  ['never go on', () => [interceptor(() => NEVER)]],
  [
    'set headers and a status',
    () => [
      interceptor((next, context) => {
        const response = context.switchToHttp().getResponse<Record<string, () => void>>();
        const set = (...args: string[]) =>
          (response.header as (...header: string[]) => void).call(response, ...args);
        set('x-host', 'set');
        set('content-type', 'text/x-host');
        return next.handle();
      }),
    ],
  ],
  [
    'are made for each request',
    () => [{ provide: APP_INTERCEPTOR, useClass: RequestScopedInterceptor }],
  ],
  [
    'pipe and filter',
    () => [
      { provide: APP_FILTER, useClass: TeapotFilter },
      {
        provide: APP_PIPE,
        useValue: new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }),
      },
      { provide: APP_PIPE, useValue: { transform: () => Promise.reject(new Error('no')) } },
    ],
  ],
];

describe.each(PLATFORMS)('global enhancers of the host on %s', (platform) => {
  let bare: object[];
  beforeAll(async () => {
    bot = makeBot();
    bare = await wireOf(await start(platform, []));
    await running?.app.close();
    await daily?.close();
    running = daily = undefined;
  });

  it.each(ENHANCERS)('that %s change no answer of the runner', async (_, providers) => {
    expect(bare).toContainEqual(
      expect.objectContaining({ path: '/sessions/<id>/a?b=c', status: 203 }),
    );
    expect(await wireOf(await start(platform, providers()))).toEqual(bare);
  });

  it('see the runner’s requests, and the host’s as before', async () => {
    const seen: string[] = [];
    const log = interceptor((next, context) => {
      const { method, url } = context.switchToHttp().getRequest<{ method: string; url: string }>();
      return next.handle().pipe(tap(() => seen.push(`${method} ${url}`)));
    });
    const { url } = await start(platform, [log, wrap]);
    await post(`${url}/start`);
    expect(await (await fetch(`${url}/own`)).json()).toEqual({ data: { own: true } });
    expect(seen).toEqual(['POST /start', 'GET /own']);
  });

  it('do not answer before a slow response of the runner', async () => {
    const order: string[] = [];
    let intercepted!: () => void;
    const afterwards = new Promise<void>((resolve) => (intercepted = resolve));
    class SlowAuth extends RunnerAuth {
      async authorize(): Promise<object> {
        await new Promise((resolve) => setImmediate(resolve));
        order.push('auth');
        return {};
      }
    }
    const late = interceptor((next) => {
      order.push('interceptor');
      intercepted();
      return next.handle();
    });
    const { url } = await start(platform, [late], { auth: SlowAuth });
    expect((await post(`${url}/start`)).status).toBe(200);
    await afterwards;
    expect(order).toEqual(['auth', 'interceptor']);
  });

  it('log no error after a response was sent', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const [, providers] = ENHANCERS.find(([name]) => name === 'throw at once')!;
    const { url } = await start(platform, providers());
    expect((await post(`${url}/start`)).status).toBe(200);
    expect((await fetch(`${url}/own`)).status).toBe(401);
    expect(error).not.toHaveBeenCalled();
  });

  it('can guard the routes, which runnerAccess() classifies', async () => {
    const asked: [string, unknown, boolean][] = [];
    @Injectable()
    class LoginGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const access = runnerAccess(context);
        const { url, headers } = context
          .switchToHttp()
          .getRequest<{ url: string; headers: Record<string, string> }>();
        asked.push([url, access, startsSession(context)]);
        if (access === 'open' || access === 'webhook') return true;
        if (headers.cookie === 'user=ann') return true;
        throw new UnauthorizedException('log in first');
      }
    }
    const { url } = await start(platform, [{ provide: APP_GUARD, useClass: LoginGuard }], {
      console: true,
    });
    const ask = async (path: string, method = 'GET', headers: Record<string, string> = {}) =>
      (await fetch(url + path, { method, headers, redirect: 'manual' })).status;
    expect(await ask('/livez')).toBe(200);
    expect(await ask('/telephony/twilio', 'POST')).toBe(200);
    expect(await ask('/daily-dialin-webhook', 'POST')).toBe(422);
    expect(await ask('/start', 'POST')).toBe(401);
    expect(await ask('/start', 'POST', { cookie: 'user=ann' })).toBe(200);
    expect(await ask('/sessions/none/x')).toBe(401);
    expect(await ask('/sessions')).toBe(401);
    expect(await ask('/own')).toBe(401);
    expect(await ask('/client')).toBe(302);
    expect(asked).toEqual([
      ['/livez', 'open', false],
      ['/telephony/twilio', 'webhook', false],
      ['/daily-dialin-webhook', 'webhook', false],
      ['/start', 'start', true],
      ['/start', 'start', true],
      ['/sessions/none/x', 'session', false],
      ['/sessions', 'manage', false],
      ['/own', undefined, false],
      ['/client', 'open', false],
    ]);
  });

  it('can throttle session starts, but neither probes nor carriers', async () => {
    const host = await ChildHost.start('test/support/guarded-host.js', platform);
    const { url } = host;
    const statuses = async (path: string, method = 'GET') => {
      const answers: number[] = [];
      for (let i = 0; i < 4; i++) answers.push((await fetch(url + path, { method })).status);
      return answers;
    };
    try {
      expect(await statuses('/start', 'POST')).toEqual([200, 200, 429, 429]);
      expect(await statuses('/own')).toEqual([200, 200, 429, 429]);
      expect(await statuses('/readyz')).toEqual([200, 200, 200, 200]);
      expect(await statuses('/telephony/twilio', 'POST')).toEqual([200, 200, 200, 200]);
      const refused = await post(`${url}/start`);
      expect(refused.json).toMatchObject({ code: 'RATE_LIMITED', detail: expect.any(String) });
      expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    } finally {
      await host.kill();
    }
  });

  it('may be request-scoped', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class TenantGuard implements CanActivate {
      constructor(private readonly request: { headers: Record<string, string> }) {}
      canActivate(): boolean {
        return this.request.headers['x-tenant'] === 'acme';
      }
    }
    Reflect.defineMetadata('self:paramtypes', [{ index: 0, param: REQUEST }], TenantGuard);
    const { url } = await start(platform, [
      { provide: APP_GUARD, useClass: TenantGuard as Type<CanActivate> },
    ]);
    expect((await post(`${url}/start`)).status).toBe(403);
    const { status, json } = await post(`${url}/start`, {}, { 'x-tenant': 'acme' });
    expect([status, typeof json.wsUrl]).toEqual([200, 'string']);
    const listed = await fetch(`${url}/sessions`, { headers: { 'x-tenant': 'acme' } });
    expect(await listed.json()).toMatchObject({ total_count: 1 });
  });
});

describe('a slow hook of Fastify', () => {
  it('does not let interceptors answer first', async () => {
    const [, providers] = ENHANCERS.find(([name]) => name === 'set headers and a status')!;
    const setStatus = interceptor((next, context) => {
      context.switchToHttp().getResponse<{ status(code: number): void }>().status(418);
      return next.handle();
    });
    daily = await FakeDaily.start();
    running = await startApp(
      'fastify',
      [
        RunnerModule.forRoot({
          launcher: { useValue: bot },
          transports: [WebSocketModule.forRoot()],
          defaultTransport: 'websocket',
        }),
      ],
      (app) => {
        const fastify = (app as NestFastifyApplication).getHttpAdapter().getInstance();
        fastify.addHook('onSend', async (_request, _reply, payload) => {
          await new Promise((resolve) => setImmediate(resolve));
          return payload;
        });
      },
      { providers: [...providers(), setStatus] },
    );
    const { status, headers, json } = await post(`${running.url}/start`);
    expect([status, headers.get('x-host'), typeof json.wsUrl]).toEqual([200, null, 'string']);
  });
});

describe('start-up warns of unprotected routes:', () => {
  class Auth extends RunnerAuth {
    authorize(): object {
      return {};
    }
  }
  const sockets = () => [WebSocketModule.forRoot(), TelephonyModule.forRoot()];

  it.each<[string, RunnerOptions & RunnerModuleExtras, string[]]>([
    ['everything', { transports: sockets() }, ['NOT PROTECTED']],
    [
      'sockets, with an auth of the host',
      { auth: Auth, transports: sockets() },
      ['HALF PROTECTED'],
    ],
    [
      'nothing, with an auth of the host and tokens',
      { auth: Auth, transports: sockets(), webSocketAuth: 'token' },
      [],
    ],
    [
      'nothing, with sockets that are off',
      {
        auth: Auth,
        transports: [...sockets(), DailyModule.forRoot({ apiKey: 'key' })],
        onlyTransport: 'daily',
      },
      [],
    ],
    ['nothing, without sockets', { auth: Auth, transports: [] }, []],
    [
      'sockets of the one transport that is on',
      { auth: Auth, transports: sockets(), onlyTransport: 'twilio' },
      ['HALF PROTECTED'],
    ],
  ])('%s', async (_, options, expected) => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    running = await startApp('fastify', [
      RunnerModule.forRoot({ launcher: { useValue: bot }, ...options }),
    ]);
    const lines = warn.mock.calls.map(([line]) => String(line));
    const said = lines.flatMap((line) => /^(NOT|HALF) PROTECTED/.exec(line)?.[0] ?? []);
    expect(said).toEqual(expected);
  });
});
