import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  All,
  Body,
  Controller,
  Get,
  type INestApplication,
  Module,
  Post,
  RequestMethod,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  DownloadsModule,
  OpenApiModule,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  TelephonyModule,
  WebSocketModule,
  SessionEnd,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { formOf, twilioHeaders } from '../support/carrier-signatures.js';
import {
  closeApps,
  connect,
  listen,
  PLATFORMS,
  post,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';

/** Subset of an Express application, whose types are not installed. */
interface Express {
  (request: IncomingMessage, response: ServerResponse): void;
  use(...args: unknown[]): void;
  enable(setting: string): void;
}
/** Not a dependency of this package but of Nest's adapter, and so without types here. */
const EXPRESS: string = 'express';
const { default: express } = (await import(EXPRESS)) as { default: () => Express };

const TOKEN = 'a-token-of-the-account';
const FIELDS = { From: '+15550001', To: '+15550002', CallSid: 'CA1' };

let running: RunningApp | undefined;
afterEach(closeApps);

const mirror = new RecordingLauncher(async (_args, session) => {
  session.onRequest((request) => {
    const { pathname, search } = new URL(request.url);
    return Response.json({ path: pathname + search });
  });
  session.ready();
  await once(session.signal, 'abort');
});

const runner = (options: RunnerOptions & RunnerModuleExtras = {}) =>
  RunnerModule.forRoot({
    launcher: { useValue: mirror },
    transports: [
      WebSocketModule.forRoot(),
      TelephonyModule.forRoot({ webhookKeys: { twilio: TOKEN } }),
    ],
    features: [DownloadsModule.forRoot({ folder: 'demo' }), OpenApiModule.forRoot()],
    defaultTransport: 'websocket',
    console: true,
    ...options,
  });

/** Sends a request whose line is written by hand, and resolves with all that comes back. */
async function raw(url: string, line: string, body = '', headers = ''): Promise<string> {
  const tcp = connectTcp(Number(new URL(url).port), '127.0.0.1');
  tcp.write(
    `${line} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nConnection: close\r\n${headers}` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return text(tcp);
}

const preflight = (url: string, method = 'POST') =>
  fetch(url, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example.com', 'access-control-request-method': method },
  });

const signed = async (url: string, called = url): Promise<number> => {
  const headers = { ...twilioHeaders(TOKEN, called, FIELDS) };
  return (await fetch(url, { method: 'POST', headers, body: new URLSearchParams(formOf(FIELDS)) }))
    .status;
};

describe.each(PLATFORMS)('routes of a runner on %s', (platform) => {
  it('follow the host’s exclusions from its global prefix', async () => {
    running = await startApp(platform, [runner()], (app) =>
      app.setGlobalPrefix('api', {
        exclude: [
          'livez',
          'status',
          'openapi.json',
          { path: 'telephony/:carrier', method: RequestMethod.POST },
        ],
      }),
    );
    const { url, wsUrl } = running;
    const statusOf = async (path: string) => (await fetch(url + path)).status;
    for (const path of ['/livez', '/status', '/api/readyz', '/api/client/', '/api/files/demo.js']) {
      expect([path, await statusOf(path)]).toEqual([path, 200]);
    }
    for (const path of ['/api/livez', '/api/status', '/readyz', '/client/', '/files/demo.js']) {
      expect([path, await statusOf(path)]).toEqual([path, 404]);
    }
    // They have their body read, their signature checked, and answers of the runner's.
    expect(await signed(`${url}/telephony/twilio`)).toBe(200);
    const unsigned = await post(`${url}/telephony/twilio`);
    expect([unsigned.status, unsigned.json.code]).toEqual([401, 'UNAUTHORIZED']);
    expect((await preflight(`${url}/telephony/twilio`)).status).toBe(204);
    const { json, sessionId } = await post(`${url}/api/start`, { body: { n: 1 } });
    expect(json.wsUrl).toMatch(`${wsUrl}/api/ws-client?session_id=`);
    await connect(json.wsUrl as string);
    expect((await mirror.nextLaunch()).args.body).toEqual({ n: 1 });
    const answer = await fetch(`${url}/api/sessions/${sessionId}/a%2Fb/c?d=/e`);
    expect(await answer.json()).toEqual({ path: '/a%2Fb/c?d=/e' });
  });

  it('are described in OpenAPI at their real paths', async () => {
    running = await startApp(platform, [runner({ path: 'voice' })], (app) =>
      app.setGlobalPrefix('api', { exclude: ['voice/status'] }),
    );
    const base = `${running.url}/api/voice/openapi.json`;
    const document = (await (await fetch(base)).json()) as {
      servers: { url: string }[];
      paths: Record<string, { get?: { servers?: { url: string }[] } }>;
    };
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
    for (const [path, { get }] of Object.entries(document.paths)) {
      if (!get || path.includes('{') || path === '/daily') continue;
      const { url: server } = (get.servers ?? document.servers)[0]!;
      const url = new URL(server, base).href.replace(/\/$/, '') + path;
      expect([url, (await fetch(url)).status]).toEqual([url, 200]);
    }
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/start', '/voice/status']),
    );
  });

  it('are the same with a trailing slash', async () => {
    running = await startApp(platform, [runner({ path: 'voice' })]);
    const { url } = running;
    const { status, sessionId } = await post(`${url}/voice/start/`, { body: 1 });
    expect(status).toBe(200);
    for (const path of ['/status/', '/livez/', '/sessions/', `/sessions/${sessionId}/`, '/docs/']) {
      expect([path, (await fetch(`${url}/voice${path}`)).status]).toEqual([path, 200]);
    }
    const head = await fetch(`${url}/voice/status/`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await signed(`${url}/voice/telephony/twilio/`)).toBe(200);
    expect((await preflight(`${url}/voice/start/`)).status).toBe(204);
    const large = await post(`${url}/voice/start/`, { body: 'x'.repeat(1_100_000) });
    expect([large.status, large.json.code]).toEqual([413, 'TOO_LARGE']);
    expect((await post(`${url}/voice/start//`)).status).toBe(404);
  });

  it('have their limits in every spelling that the router accepts', async () => {
    running = await startApp(platform, [
      runner({ allowedOrigins: ['https://app.example.com'], bodyLimitBytes: 1_000 }),
    ]);
    const { url, app } = running;
    const sessions = app.get(SessionRegistry, { strict: false });
    const spellings = platform === 'express' ? ['/START', '/Start/'] : ['/st%61rt', '/%73tart'];
    for (const target of [...spellings, `${url}/start`, '/start?x=1', '/start/?x=1']) {
      const origin = 'Origin: https://evil.example\r\n';
      expect(await raw(url, `POST ${target}`, '{}', origin)).toMatch(/^HTTP\/1.1 403 .*FORBIDDEN/s);
      const large = JSON.stringify({ body: 'x'.repeat(1_000) });
      expect(await raw(url, `POST ${target}`, large)).toMatch(/^HTTP\/1.1 413 .*TOO_LARGE/s);
      expect(sessions.size).toBe(0);
      const deep = `{"body":${'['.repeat(300)}${']'.repeat(300)}}`;
      expect(await raw(url, `POST ${target}`, deep)).toMatch(/^HTTP\/1.1 400 .*deeper/s);
      const answer = await raw(url, `POST ${target}`, '{"body":{"n":1}}');
      expect(answer).toMatch(/^HTTP\/1.1 200 .*wsUrl/s);
      const [session] = sessions.live;
      expect(session!.body).toEqual({ n: 1 });
      await session!.end(new SessionEnd('stopped', 'seen'));
    }
  });

  it('leave other methods and paths to the host, with their bodies', async () => {
    @Controller()
    class HostController {
      @Get('start')
      get(): string {
        return 'the host';
      }
      @Post('begin')
      begin(@Body() body: unknown): unknown {
        return { body };
      }
      @All('session')
      all(@Body() body: unknown): unknown {
        return { body };
      }
    }
    running = await startApp(platform, [runner({ bodyLimitBytes: 10 })], undefined, {
      controllers: [HostController],
    });
    const { url } = running;
    expect(await (await fetch(`${url}/start`)).text()).toBe('the host');
    const body = { more: 'than the runner takes' };
    expect((await post(`${url}/begin`, body)).json).toEqual({ body });
    expect((await post(`${url}/session`, body)).json).toEqual({ body });
    expect((await post(`${url}/start`, body)).status).toBe(413);
    expect((await fetch(`${url}/start`, { method: 'PUT' })).status).toBe(404);
    const headers = (await fetch(`${url}/begin`, { headers: { origin: 'https://a.example' } }))
      .headers;
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  it('answer OPTIONS with their methods, with any guards of the host', async () => {
    const asked: string[] = [];
    running = await startApp(platform, [runner()], (app) => {
      app.useGlobalGuards({
        canActivate(context) {
          asked.push(context.switchToHttp().getRequest<{ method: string }>().method);
          return false;
        },
      });
    });
    const { url } = running;
    for (const path of ['/start', '/telephony/twilio', '/sessions/x/y', '/sessions/x']) {
      expect([path, (await preflight(url + path)).status]).toEqual([path, 204]);
    }
    expect(asked).toEqual([]);
    const options = await fetch(`${url}/sessions/x`, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')?.split(', ').sort()]).toEqual([
      204,
      ['DELETE', 'GET', 'HEAD', 'OPTIONS'],
    ]);
    expect((await fetch(`${url}/status`)).status).toBe(403);
    expect(asked).toEqual(['GET']);
  });
});

describe('an Express application with a runner', () => {
  /** A host that is mounted in an application of somebody else. */
  async function mounted(module: Type<unknown>, configure?: (app: INestApplication) => void) {
    const app = await NestFactory.create(module, new ExpressAdapter(), {
      logger: false,
      abortOnError: false,
    });
    configure?.(app);
    await app.init();
    const parent = express();
    parent.use('/sub', app.getHttpAdapter().getInstance() as Express);
    parent.use((request: IncomingMessage, response: ServerResponse) => {
      response.end(`parent ${request.url}`);
    });
    const server = createServer(parent).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    running = {
      app,
      url: `http://127.0.0.1:${port}`,
      wsUrl: `ws://127.0.0.1:${port}`,
    };
    return { ...running, server };
  }

  it('can be mounted below another application', async () => {
    @Module({ imports: [runner({ path: 'voice', bodyLimitBytes: 1_000 })] })
    class HostModule {}
    const { url, server, app } = await mounted(HostModule, (one) => one.setGlobalPrefix('api'));
    try {
      const base = `${url}/sub/api/voice`;
      const { status, sessionId } = await post(`${base}/start`, { body: { n: 1 } });
      expect(status).toBe(200);
      const sessions = app.get(SessionRegistry, { strict: false });
      expect(sessions.live.map(({ body }) => body)).toEqual([{ n: 1 }]);
      expect((await post(`${base}/start`, { body: 'x'.repeat(1_000) })).status).toBe(413);
      expect((await preflight(`${base}/start`)).status).toBe(204);
      // Twilio calls the whole URL.
      expect(await signed(`${base}/telephony/twilio`)).toBe(200);
      expect((await fetch(`${base}/files/demo.js`)).status).toBe(200);
      const redirect = await fetch(`${base}/client`, { redirect: 'manual' });
      expect([redirect.status, redirect.headers.get('location')]).toEqual([302, 'client/']);
      expect((await fetch(`${base}/client/`)).headers.get('content-type')).toMatch(/html/);
      expect((await fetch(`${base}/docs`)).status).toBe(200);
      const unknown = await fetch(`${base}/sessions/${sessionId}/a/b`);
      expect(await unknown.json()).toMatchObject({ code: 'WRONG_STATE' });
      expect(await (await fetch(`${url}/api/voice/start`)).text()).toBe('parent /api/voice/start');
    } finally {
      server.close();
      await app.close();
    }
  });

  it('passes upgrades on from the application that it is mounted in', async () => {
    @Module({ imports: [runner({ path: 'voice', drainTimeoutMs: 0 })] })
    class HostModule {}
    const { url, server, app } = await mounted(HostModule);
    server.on('upgrade', (request, socket, head) => {
      request.url = request.url!.replace(/^\/sub/, '');
      (app.getHttpServer() as Server).emit('upgrade', request, socket, head);
    });
    try {
      const { json } = await post(`${url}/sub/voice/start`, { body: { n: 1 } });
      expect(json.wsUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/sub\/voice\/ws-client/);
      await connect(json.wsUrl as string);
      expect((await mirror.nextLaunch()).args.body).toEqual({ n: 1 });
    } finally {
      server.close();
      await app.close();
    }
  });

  it('applies the same intake to a URL that its middleware rewrote', async () => {
    @Module({ imports: [runner({ bodyLimitBytes: 1_000 })] })
    class HostModule {}
    const app = await NestFactory.create(HostModule, new ExpressAdapter(), {
      logger: false,
      abortOnError: false,
    });
    app.use((request: { url: string }, _response: unknown, next: () => void) => {
      request.url = request.url.replace(/^\/v1\//, '/');
      next();
    });
    running = await listen(app);
    const { url } = running;
    const { status, headers, json } = await post(
      `${url}/v1/start`,
      { body: { n: 1 } },
      { origin: 'https://app.example.com' },
    );
    expect([status, headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    await connect(json.wsUrl as string);
    expect((await mirror.nextLaunch()).args.body).toEqual({ n: 1 });
    const form = await fetch(`${url}/v1/start`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
      body: new URLSearchParams({ a: '1' }),
    });
    expect([form.status, await form.json()]).toMatchObject([403, { code: 'FORBIDDEN' }]);
  });

  it('serves requests of a preceding router only where no host route matches first', async () => {
    @Controller()
    class FirstController {
      @Post('start')
      start(@Body() body: unknown): unknown {
        return { host: body };
      }
    }
    @Module({ controllers: [FirstController] })
    class FirstModule {}
    running = await startApp('express', [FirstModule, runner({ bodyLimitBytes: 10 })]);
    const body = { more: 'than the runner takes' };
    expect((await post(`${running.url}/start`, body)).json).toEqual({ host: body });
    expect((await post(`${running.url}/telephony/twilio`, body)).status).toBe(413);
  });

  it('keeps the host’s strict routing', async () => {
    const instance = express();
    instance.enable('strict routing');
    instance.enable('case sensitive routing');
    @Module({ imports: [runner()] })
    class HostModule {}
    const app = await NestFactory.create(HostModule, new ExpressAdapter(instance), {
      logger: false,
      abortOnError: false,
    });
    running = await listen(app);
    const statuses = await Promise.all(
      ['/start', '/start/', '/START'].map(async (path) => (await post(running!.url + path)).status),
    );
    expect(statuses).toEqual([200, 404, 404]);
  });
});

describe('a Fastify application with a runner', () => {
  it('may use a router that ignores slashes and case', async () => {
    @Module({ imports: [runner()] })
    class HostModule {}
    const adapter = new FastifyAdapter({
      routerOptions: {
        ignoreTrailingSlash: true,
        ignoreDuplicateSlashes: true,
        caseSensitive: false,
      },
    });
    const app = await NestFactory.create(HostModule, adapter, {
      logger: false,
      abortOnError: false,
    });
    running = await listen(app);
    const { url } = running;
    const { json, sessionId } = await post(`${url}//START/`, { body: { n: 1 } });
    await connect(json.wsUrl as string);
    expect((await mirror.nextLaunch()).args.body).toEqual({ n: 1 });
    const answer = await fetch(`${url}//sessions//${sessionId}/a//b`);
    expect(await answer.json()).toEqual({ path: '/a//b' });
    expect((await fetch(`${url}//files/demo.js`)).status).toBe(200);
  });

  it('may rewrite URLs before routing', async () => {
    @Module({ imports: [runner()] })
    class HostModule {}
    const adapter = new FastifyAdapter({
      rewriteUrl: (request: IncomingMessage) => request.url!.replace(/^\/tenants\/\w+\//, '/'),
    });
    const app = await NestFactory.create(HostModule, adapter, {
      logger: false,
      abortOnError: false,
    });
    running = await listen(app);
    const { url } = running;
    const { json, sessionId } = await post(`${url}/tenants/acme/start`);
    await connect(json.wsUrl as string);
    await mirror.nextLaunch();
    const answer = await fetch(`${url}/tenants/acme/sessions/${sessionId}/a/b`);
    expect(await answer.json()).toEqual({ path: '/a/b' });
  });
});
