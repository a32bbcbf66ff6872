import { readdirSync } from 'node:fs';
import {
  Controller,
  ForbiddenException,
  Get,
  Injectable,
  Logger,
  Module,
  Param,
  Req,
  UnauthorizedException,
} from '@nestjs/common';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { LocalFleet } from '../../src/fleet/local-fleet.js';
import {
  Access,
  type AuthRequest,
  type HttpRequest,
  principalOf,
  type Principal,
  DailyModule,
  DownloadsModule,
  LiveKitModule,
  MetricsModule,
  OpenApiModule,
  RunnerAuth,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  SmallWebRtcModule,
  TelephonyModule,
  WebSocketModule,
  type WebSocketRunnerArguments,
  WhatsAppModule,
} from '../../src/index.js';
import { declaredAccess } from '../../src/auth/access.decorator.js';
import { HttpIntake } from '../../src/http/intake/http-intake.js';
import { connectClient, RecordingLauncher } from '../../src/testing/index.js';
import { BROWSER_OFFER } from '../support/offers.js';
import {
  connect,
  PLATFORMS,
  post,
  type RunningApp,
  runnerModule,
  startApp,
  WAYS,
} from '../support/runner-app.js';

const PUBLIC = 'pk_0123456789abcdef';
const PRIVATE = 'sk_0123456789abcdef';
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

let running: RunningApp | undefined;
afterEach(async () => {
  await running?.app.close();
  running = undefined;
  jest.restoreAllMocks();
});

const transports = () => [
  WebSocketModule.forRoot(),
  TelephonyModule.forRoot(),
  DailyModule.forRoot({ apiKey: 'k', dialinSecret: 'c2VjcmV0IQ==' }),
  LiveKitModule.forRoot({ url: 'wss://example.com', apiKey: 'k', apiSecret: 's' }),
  SmallWebRtcModule.forRoot(),
  WhatsAppModule.forRoot({ token: 't', phoneNumberId: '1', appSecret: 's', verifyToken: 'v' }),
];

/** Returns the answer of each route to these headers; any status but 401 means access. */
async function statuses(url: string, headers: Record<string, string>) {
  const ask = async (method: string, path: string): Promise<number> =>
    (await fetch(`${url}${path}`, { method, headers, redirect: 'manual' })).status;
  return {
    start: await ask('POST', '/start'),
    daily: await ask('GET', '/daily'),
    offer: await ask('POST', '/api/offer'),
    sessionOffer: await ask('POST', '/sessions/none/api/offer'),
    sessionApi: await ask('POST', '/sessions/none/anything'),
    list: await ask('GET', '/sessions'),
    inspect: await ask('GET', '/sessions/none'),
    stop: await ask('DELETE', '/sessions/none'),
    metrics: await ask('GET', '/metrics'),
    status: await ask('GET', '/status'),
    ready: await ask('GET', '/readyz'),
    webhook: await ask('POST', '/telephony/twilio'),
  };
}

describe.each(PLATFORMS)('keys on %s', (platform) => {
  const launcher = () => ({ useValue: new RecordingLauncher() });

  it.each(WAYS)('open the routes that they are for, with %s', async (way) => {
    running = await startApp(platform, [
      runnerModule(way, {
        launcher: launcher(),
        transports: [
          WebSocketModule.forRoot(),
          TelephonyModule.forRoot(),
          DailyModule.forRoot({}),
          SmallWebRtcModule.forRoot(),
        ],
        features: [MetricsModule.forRoot()],
        defaultTransport: 'websocket',
        publicKeys: [PUBLIC],
        privateKeys: [PRIVATE],
      }),
    ]);
    const { url } = running;
    const open = { status: 200, ready: 200, webhook: 200 };
    const starts = { start: 401, daily: 401, offer: 401, sessionOffer: 401, sessionApi: 401 };
    const shut = { ...starts, list: 401, inspect: 401, stop: 401, metrics: 401 };
    const started = { start: 200, daily: 400, offer: 422, sessionOffer: 422, sessionApi: 404 };
    expect(await statuses(url, {})).toEqual({ ...shut, ...open });
    expect(await statuses(url, bearer('pk_something-else'))).toEqual({ ...shut, ...open });
    expect(await statuses(url, bearer(PUBLIC))).toEqual({ ...shut, ...started, ...open });
    expect(await statuses(url, bearer(PRIVATE))).toEqual({
      ...started,
      list: 200,
      inspect: 404,
      stop: 404,
      metrics: 200,
      ...open,
    });
    const [none, wrong, tooLittle] = await Promise.all(
      [{}, bearer('pk_something-else'), bearer(PUBLIC)].map(async (headers) => {
        const response = await fetch(`${url}/sessions`, { headers });
        expect(response.headers.get('www-authenticate')).toBe('Bearer');
        return response.json();
      }),
    );
    expect(none).toMatchObject({
      statusCode: 401,
      code: 'UNAUTHORIZED',
      detail: expect.any(String),
    });
    // Nor does the answer tell which part was wrong.
    expect(wrong).toEqual(none);
    expect(tooLittle).toEqual(none);
  });

  it('do not block preflights, and let a page read the refusal', async () => {
    running = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: launcher(),
        transports: [WebSocketModule.forRoot()],
        publicKeys: [PUBLIC],
        allowedOrigins: ['https://app.example.com'],
      }),
    ]);
    const origin = 'https://app.example.com';
    const preflight = await fetch(`${running.url}/start`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization');
    const refused = await post(`${running.url}/start`, {}, { origin });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe(origin);
  });

  it('of webhooks are their signatures', async () => {
    running = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: launcher(),
        transports: transports(),
        publicKeys: [PUBLIC],
      }),
    ]);
    const { url } = running;
    expect((await post(`${url}/daily-dialin-webhook`, { test: 'test' })).status).toBe(200);
    const unsigned = await post(`${url}/daily-dialin-webhook`, {});
    expect(unsigned.status).toBe(401);
    expect(unsigned.json.detail).not.toMatch(/key/);
    expect((await post(`${url}/livekit-webhook`, {})).json.detail).not.toMatch(/Bearer <key>/);
  });

  it('limit the sessions of each key exactly', async () => {
    running = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: launcher(),
        transports: [WebSocketModule.forRoot()],
        onlyTransport: 'websocket',
        publicKeys: [{ key: PUBLIC, name: 'shop', maxSessions: 2 }, 'pk_of-somebody-else'],
        privateKeys: [PRIVATE],
        maxSessions: 3,
      }),
    ]);
    const { url } = running;
    const startWith = (key: string) => post(`${url}/start`, {}, bearer(key));
    const answers = await Promise.all(Array.from({ length: 5 }, () => startWith(PUBLIC)));
    const started = answers.filter(({ status }) => status === 200);
    expect(started).toHaveLength(2);
    const refused = answers.find(({ status }) => status === 429)!;
    expect(refused.json).toMatchObject({
      code: 'AT_CAPACITY',
      detail: expect.stringMatching(/all 2 sessions/),
    });
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect((await startWith('pk_of-somebody-else')).status).toBe(200);
    const full = await startWith('pk_of-somebody-else');
    expect(full.json.detail).toMatch(/All 3 sessions/);
    const stopped = await fetch(`${url}/sessions/${started[0]!.sessionId}`, {
      method: 'DELETE',
      headers: bearer(PRIVATE),
    });
    expect(stopped.status).toBe(200);
    expect((await startWith(PUBLIC)).status).toBe(200);
  });

  describe('of the host’s own RunnerAuth', () => {
    @Injectable()
    class Users {
      readonly byToken: Record<string, { sub: string; admin?: boolean }> = {
        ada: { sub: 'ada' },
        root: { sub: 'root', admin: true },
      };
    }
    @Module({ providers: [Users], exports: [Users] })
    class UsersModule {}

    @Injectable()
    class HostAuth extends RunnerAuth {
      readonly asked: AuthRequest[] = [];
      constructor(private readonly users: Users) {
        super();
      }
      async authorize(request: AuthRequest): Promise<Principal | undefined> {
        this.asked.push(request);
        const user = this.users.byToken[request.request.headers.authorization?.slice(7) ?? ''];
        if (request.sessionId === 'not-yours') throw new ForbiddenException('not your session');
        if (!user || (request.access === 'manage' && !user.admin)) return undefined;
        return { id: user.sub, maxSessions: 1, claims: { ...user } };
      }
    }

    it('authorize by data of the host, and pass the principal to the bot', async () => {
      const recorder = new RecordingLauncher();
      running = await startApp(platform, [
        RunnerModule.forRoot({
          imports: [UsersModule],
          launcher: { useValue: recorder },
          auth: HostAuth,
          transports: [WebSocketModule.forRoot()],
          webSocketAuth: 'token',
        }),
      ]);
      const { url, app } = running;
      expect((await post(`${url}/start`, { transport: 'websocket' })).status).toBe(401);
      const { json } = await post(`${url}/start`, { transport: 'websocket' }, bearer('ada'));
      await connectClient(json.wsUrl as string, { token: json.token as string });
      const { session } = await recorder.nextLaunch();
      expect(session.claims).toEqual({ sub: 'ada' });
      const second = await post(`${url}/start`, { transport: 'websocket' }, bearer('ada'));
      expect(second.status).toBe(429);
      expect((await fetch(`${url}/sessions`, { headers: bearer('ada') })).status).toBe(401);
      expect((await fetch(`${url}/sessions`, { headers: bearer('root') })).status).toBe(200);
      const denied = await fetch(`${url}/sessions/not-yours/x`, { headers: bearer('ada') });
      expect(denied.status).toBe(403);
      expect(await denied.json()).toMatchObject({ detail: 'not your session' });
      const { asked } = app.get<HostAuth>(RunnerAuth, { strict: false });
      expect(asked.map(({ access, sessionId }) => [access, sessionId])).toEqual([
        ['start', undefined],
        ['start', undefined],
        ['start', undefined],
        ['manage', undefined],
        ['manage', undefined],
        ['session', 'not-yours'],
      ]);
    });

    it('count offers of WebRTC for who sends them', async () => {
      running = await startApp(platform, [
        RunnerModule.forRoot({
          imports: [UsersModule],
          launcher: launcher(),
          auth: HostAuth,
          transports: [SmallWebRtcModule.forRoot()],
        }),
      ]);
      const offer = { sdp: BROWSER_OFFER, type: 'offer' };
      const offerOf = (name: string) => post(`${running!.url}/api/offer`, offer, bearer(name));
      expect((await offerOf('ada')).status).toBe(200);
      expect((await offerOf('ada')).status).toBe(429);
    });

    it('say on the log that they give maxSessions to somebody without an id', async () => {
      const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
      running = await startApp(platform, [
        RunnerModule.forRoot({
          launcher: launcher(),
          auth: { useValue: { authorize: () => ({ maxSessions: 1 }) } },
          transports: [WebSocketModule.forRoot()],
        }),
      ]);
      const { status } = await post(`${running.url}/start`, { transport: 'websocket' });
      expect(status).toBe(500);
      expect(log).toHaveBeenCalledWith(
        expect.stringMatching(/RunnerAuth.*an id where it has maxSessions/),
        expect.anything(),
      );
      log.mockRestore();
    });

    it('protect controllers of the host in the same way', async () => {
      @Controller('calls/:id')
      @Access('session')
      class CallsController {
        constructor(private readonly sessions: SessionRegistry) {}
        @Get('transport')
        transport(@Param('id') id: string): { transport: string } {
          return { transport: this.sessions.require(id).transport };
        }
      }
      @Module({ controllers: [CallsController] })
      class CallsModule {}
      running = await startApp(platform, [
        RunnerModule.forRoot({
          launcher: launcher(),
          transports: [WebSocketModule.forRoot()],
          onlyTransport: 'websocket',
          publicKeys: [PUBLIC],
          isGlobal: true,
        }),
        CallsModule,
      ]);
      const { url } = running;
      const { sessionId } = await post(`${url}/start`, {}, bearer(PUBLIC));
      const path = `${url}/calls/${sessionId}/transport`;
      expect((await fetch(path)).status).toBe(401);
      const answer = await fetch(path, { headers: bearer(PUBLIC) });
      expect(await answer.json()).toEqual({ transport: 'websocket' });
      const unknown = await fetch(`${url}/calls/none/transport`, { headers: bearer(PUBLIC) });
      expect(unknown.status).toBe(404);
      expect(await unknown.json()).toMatchObject({ code: 'UNKNOWN_SESSION' });
    });
  });

  it('protect the controllers of the host with the keys of a runner that has a name', async () => {
    @Controller('sales-calls')
    @Access('start', 'sales')
    class SalesController {
      @Get()
      principal(@Req() request: HttpRequest): { id: string | undefined } {
        return { id: principalOf(request)?.id };
      }
    }
    const runner = (name: string | undefined, path: string, key: string) =>
      RunnerModule.forRoot({
        name,
        path,
        launcher: launcher(),
        transports: [WebSocketModule.forRoot()],
        publicKeys: [{ key, name: `key of ${path}` }],
        isGlobal: true,
      });
    @Module({ controllers: [SalesController] })
    class SalesModule {}
    running = await startApp(platform, [
      runner('sales', 'sales', PUBLIC),
      runner(undefined, 'voice', PRIVATE),
      SalesModule,
    ]);
    const path = `${running.url}/sales-calls`;
    expect((await fetch(path)).status).toBe(401);
    expect((await fetch(path, { headers: bearer(PRIVATE) })).status).toBe(401);
    const answer = await fetch(path, { headers: bearer(PUBLIC) });
    expect(await answer.json()).toEqual({ id: 'key of sales' });
  });

  it('do not replace the guards of the host', async () => {
    running = await startApp(
      platform,
      [
        RunnerModule.forRoot({
          launcher: launcher(),
          transports: [WebSocketModule.forRoot()],
          publicKeys: [PUBLIC],
        }),
      ],
      (app) =>
        void app.useGlobalGuards({
          canActivate() {
            throw new UnauthorizedException('no badge');
          },
        }),
    );
    const { status, json } = await post(`${running.url}/start`, {}, bearer(PUBLIC));
    expect([status, json.detail]).toEqual([401, 'no badge']);
  });

  it.each<[string, object, RegExp[]]>([
    ['there are none', {}, [/NOT PROTECTED/]],
    ['WebSockets do without', { publicKeys: [PUBLIC] }, [/HALF PROTECTED.*webSocketAuth: 'token'/]],
    ['all is well', { publicKeys: [PUBLIC], webSocketAuth: 'token' }, []],
  ])('are recommended by a warning at start-up: %s', async (_, options, warnings) => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    running = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: launcher(),
        transports: [WebSocketModule.forRoot()],
        ...options,
      }),
    ]);
    expect(warn.mock.calls.map(([text]) => text as string)).toEqual(
      warnings.map((pattern) => expect.stringMatching(pattern)),
    );
  });
});

describe('a Bearer token in the upgrade request of a carrier', () => {
  class Logins extends RunnerAuth {
    authorize(): Principal {
      return {};
    }
  }
  const authOf = (isCredential: RunnerAuth['isCredential']) => ({
    useValue: Object.assign(new Logins(), { isCredential }),
  });

  it.each<[string, RunnerModuleExtras & RunnerOptions, boolean]>([
    ['goes to the bot without keys', {}, true],
    ['goes to the bot beside other keys', { publicKeys: [PUBLIC] }, true],
    ['stays with the auth of the host, for it may be a login', { auth: Logins }, false],
    [
      'stays with an auth that is any object',
      { auth: { useValue: { authorize: () => ({}) } } },
      false,
    ],
    [
      'goes to the bot when the auth of the host does not know it',
      { auth: authOf(() => false) },
      true,
    ],
    [
      'stays when the auth of the host fails',
      {
        auth: authOf(() => {
          throw new Error('no');
        }),
      },
      false,
    ],
  ])('%s', async (_, options, isPassed) => {
    const recorder = new RecordingLauncher();
    running = await startApp('fastify', [
      RunnerModule.forRoot({
        launcher: { useValue: recorder },
        transports: [WebSocketModule.forRoot()],
        ...options,
      }),
    ]);
    const headers = bearer('of-the-carrier');
    const socket = await connect(`${running.wsUrl}/ws-client`, { headers });
    const { args } = await recorder.nextLaunch();
    const { upgrade } = args as WebSocketRunnerArguments;
    expect(upgrade!.headers.authorization).toBe(isPassed ? headers.authorization : undefined);
    expect(upgrade!.headers.upgrade).toBe('websocket');
    socket.terminate();
  });
});

it('every route of the runner declares its access', async () => {
  const controllerFiles = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.controller\.ts$/.test(file),
  );
  running = await startApp('fastify', [
    RunnerModule.forRoot({
      launcher: { useValue: new RecordingLauncher() },
      transports: transports(),
      console: true,
      // It has a route of its own.
      fleet: { useFactory: () => new LocalFleet() },
      features: [
        MetricsModule.forRoot(),
        OpenApiModule.forRoot(),
        DownloadsModule.forRoot({ folder: 'demo' }),
      ],
    }),
  ]);
  const { routes: routed } = running.app.get(HttpIntake, { strict: false });
  const routes = routed.map(({ path, route }) => ({ ...route, path, handler: route.handle }));
  expect(new Set(routes.map(({ controller }) => controller)).size).toBe(controllerFiles.length);
  for (const { path, handler, controller } of routes) {
    expect([path, declaredAccess(handler, controller)]).toEqual([
      path,
      expect.stringMatching(/^(start|session|manage|webhook|open)$/),
    ]);
  }
});
