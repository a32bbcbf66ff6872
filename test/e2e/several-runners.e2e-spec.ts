import { once } from 'node:events';
import { Inject, Injectable, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  DailyModule,
  DownloadsModule,
  getRunnerToken,
  InjectRunner,
  MetricsModule,
  OpenApiModule,
  Runner,
  RunnerDrain,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  SmallWebRtcModule,
  TelephonyModule,
  TracingModule,
  WebSocketModule,
} from '../../src/index.js';
import { placeCall, RecordingLauncher } from '../../src/testing/index.js';
import {
  closeOf,
  connect,
  listen,
  nextText,
  PLATFORMS,
  type Platform,
  post,
  type RunningApp,
  runnerModule,
  startApp,
  WAYS,
} from '../support/runner-app.js';

const KEYS = { sales: 'pk_sales_0123456789', support: 'pk_support_0123456789' };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

let running: RunningApp | undefined;
afterEach(async () => {
  await running?.app.close();
  running = undefined;
  jest.restoreAllMocks();
});

/** A runner with a bot of its own. */
function runner(
  way: (typeof WAYS)[number],
  options: RunnerOptions & RunnerModuleExtras,
): { module: ReturnType<typeof runnerModule>; launcher: RecordingLauncher } {
  const launcher = new RecordingLauncher();
  const module = runnerModule(way, {
    launcher: { useValue: launcher },
    transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
    defaultTransport: 'websocket',
    ...options,
  });
  return { module, launcher };
}

const boot = (platform: Platform, imports: Parameters<typeof startApp>[1]): Promise<string> =>
  startApp(platform, imports).then(
    async ({ app }) => {
      await app.close();
      return 'it started';
    },
    (error: Error) => error.message,
  );

describe.each(PLATFORMS)('several runners in one application on %s', (platform) => {
  describe.each(WAYS)('with %s', (way) => {
    it('have their own path, bot, keys, sessions, transports and sockets', async () => {
      const sales = runner(way, {
        path: 'sales',
        publicKeys: [KEYS.sales],
        webSocketAuth: 'token',
        maxSessions: 1,
      });
      const support = runner(way, {
        path: 'support/voice',
        publicKeys: [KEYS.support],
        transports: [WebSocketModule.forRoot()],
        webSocketBody: { of: 'support' },
      });
      running = await startApp(platform, [sales.module, support.module], (app) =>
        app.setGlobalPrefix('api'),
      );
      const { url, wsUrl } = running;
      const [salesUrl, supportUrl] = [`${url}/api/sales`, `${url}/api/support/voice`];

      // Keys of one open nothing of the other.
      expect((await post(`${salesUrl}/start`, {}, bearer(KEYS.support))).status).toBe(401);
      expect((await post(`${supportUrl}/start`, {}, bearer(KEYS.sales))).status).toBe(401);

      const first = await post(`${salesUrl}/start`, { body: { n: 1 } }, bearer(KEYS.sales));
      expect(first.json.wsUrl).toBe(`${wsUrl}/api/sales/ws-client`);
      const client = await connect(`${first.json.wsUrl as string}/${first.json.token as string}`);
      expect((await sales.launcher.nextLaunch()).args.body).toEqual({ n: 1 });

      const second = await post(`${supportUrl}/start`, { body: { n: 2 } }, bearer(KEYS.support));
      expect(second.json.wsUrl).toMatch(`${wsUrl}/api/support/voice/ws-client?session_id=`);
      const other = await connect(second.json.wsUrl as string);
      expect((await support.launcher.nextLaunch()).args.body).toEqual({ n: 2 });

      // Sessions are counted, found and opened where they were started.
      expect((await post(`${salesUrl}/start`, {}, bearer(KEYS.sales))).status).toBe(429);
      const id = second.sessionId;
      const reach = async (base: string, key: string) =>
        (
          (await (await fetch(`${base}/sessions/${id}/x`, { headers: bearer(key) })).json()) as {
            code: string;
          }
        ).code;
      expect(await reach(salesUrl, KEYS.sales)).toBe('UNKNOWN_SESSION');
      expect(await reach(supportUrl, KEYS.support)).toBe('WRONG_STATE');
      await expect(closeOf(`${wsUrl}/api/sales/ws-client`)).resolves.toMatchObject({ code: 4003 });
      const unannounced = await connect(`${wsUrl}/api/support/voice/ws-client`);
      expect((await support.launcher.nextLaunch()).args.body).toEqual({ of: 'support' });

      const transportsOf = async (base: string) =>
        ((await (await fetch(`${base}/status`)).json()) as { transports: string[] }).transports;
      expect(await transportsOf(salesUrl)).toContain('twilio');
      expect(await transportsOf(supportUrl)).toEqual(['websocket']);
      // A runner does not get from the other what it has not.
      const webhook = async (base: string) =>
        (await fetch(`${base}/telephony/twilio`, { method: 'POST' })).status;
      expect([await webhook(salesUrl), await webhook(supportUrl)]).toEqual([200, 404]);
      expect((await fetch(`${url}/api/status`)).status).toBe(404);
      for (const socket of [client, other, unannounced]) socket.terminate();
    });

    it('may be nested in each other’s paths', async () => {
      const outer = runner(way, {});
      const inner = runner(way, { path: 'ws' });
      running = await startApp(platform, [outer.module, inner.module]);
      const { url, wsUrl } = running;
      await connect((await post(`${url}/start`)).json.wsUrl as string);
      await outer.launcher.nextLaunch();
      // Where the outer one would read a token.
      const { json } = await post(`${url}/ws/start`);
      expect(json.wsUrl).toMatch(`${wsUrl}/ws/ws-client`);
      await connect(json.wsUrl as string);
      await inner.launcher.nextLaunch();
      const call = await placeCall({ carrier: 'twilio', url: `${wsUrl}/ws` });
      await outer.launcher.nextLaunch();
      await call.hangUp();
      expect([outer.launcher.launches.length, inner.launcher.launches.length]).toEqual([2, 1]);
    });
  });

  it('are imported by feature modules, which inject their own', async () => {
    const sales = runner('forRoot', { path: 'sales' });
    const support = runner('forRootAsync', { path: 'support' });
    @Injectable()
    class SalesService {
      constructor(
        readonly runner: Runner,
        readonly sessions: SessionRegistry,
      ) {}
    }
    @Module({ imports: [sales.module], providers: [SalesService] })
    class SalesModule {}
    @Injectable()
    class SupportService {
      constructor(
        readonly runner: Runner,
        readonly sessions: SessionRegistry,
      ) {}
    }
    @Module({ imports: [support.module], providers: [SupportService] })
    class SupportModule {}
    running = await startApp(platform, [SalesModule, SupportModule]);
    const [ofSales, ofSupport] = [running.app.get(SalesService), running.app.get(SupportService)];
    await post(`${running.url}/sales/start`);
    expect([ofSales.sessions.size, ofSupport.sessions.size]).toEqual([1, 0]);
    expect(ofSales.runner.sessions).toBe(ofSales.sessions);
    expect([ofSales.runner.path, ofSupport.runner.path]).toEqual(['/sales', '/support']);
  });

  it('are injected by name, and drain separately', async () => {
    const sales = runner('forRoot', { name: 'sales', path: 'sales', isGlobal: true });
    const support = runner('forRootAsync', { name: 'support', path: 'support', isGlobal: true });
    const main = runner('forRoot', { isGlobal: true, publicUrl: 'bot.example.com' });
    @Injectable()
    class Operator {
      readonly early: string;
      constructor(
        @InjectRunner('sales') readonly sales: Runner,
        @InjectRunner('support') readonly support: Runner,
        @InjectRunner() readonly main: Runner,
        @Inject(SessionRegistry) readonly sessions: SessionRegistry,
      ) {
        // Too early for the prefix.
        this.early = sales.path;
      }
    }
    @Module({ providers: [Operator] })
    class OperatorModule {}
    running = await startApp(
      platform,
      [main.module, sales.module, support.module, OperatorModule],
      (app) => app.setGlobalPrefix('api'),
    );
    const { app, url } = running;
    const operator = app.get(Operator, { strict: false });
    expect(operator.early).toBe('/sales');
    expect(operator.sales.name).toBe('sales');
    expect(operator.main.name).toBeUndefined();
    expect([operator.sales.path, operator.support.path, operator.main.path]).toEqual([
      '/api/sales',
      '/api/support',
      '/api',
    ]);
    expect(app.get(getRunnerToken('sales'), { strict: false })).toBe(operator.sales);
    expect(getRunnerToken()).toBe(Runner);
    expect(app.get(Runner, { strict: false })).toBe(operator.main);
    // A class injected by itself is that of the runner without a name.
    expect(operator.sessions).toBe(operator.main.sessions);
    expect(operator.sales.transports.accepted).toContain('websocket');

    await post(`${url}/api/sales/start`);
    expect([operator.sales.sessions.size, operator.support.sessions.size]).toEqual([1, 0]);
    void operator.sales.drain.start();
    expect(operator.sales.readiness.status).toBe('draining');
    expect((await post(`${url}/api/sales/start`)).status).toBe(503);
    expect((await fetch(`${url}/api/sales/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/api/support/readyz`)).status).toBe(200);
    expect((await post(`${url}/api/start`)).json.wsUrl).toMatch(/^wss:\/\/bot.example.com\/api\//);
  });

  it('have a console, downloads, metrics, traces and an OpenAPI document each', async () => {
    const features = () => [
      MetricsModule.forRoot(),
      TracingModule.forRoot(),
      DownloadsModule.forRoot({ folder: 'demo' }),
      OpenApiModule.forRoot(),
    ];
    const sales = runner('forRoot', {
      name: 'sales',
      path: 'sales',
      features: features(),
      console: true,
    });
    const support = runner('forRoot', {
      path: 'support',
      features: features(),
      health: false,
      transports: [SmallWebRtcModule.forRoot(), DailyModule.forRoot({ apiKey: 'key' })],
    });
    running = await startApp(platform, [sales.module, support.module]);
    const { app, url } = running;
    const statusOf = async (path: string) => (await fetch(url + path)).status;
    for (const path of ['/metrics', '/files/demo.js', '/docs', '/sessions', '/status']) {
      expect([path, await statusOf(`/sales${path}`)]).toEqual([path, 200]);
      expect([path, await statusOf(`/support${path}`)]).toEqual([path, 200]);
    }
    expect(await statusOf('/sales/client/')).toBe(200);
    expect(await statusOf('/support/client/')).toBe(404);
    expect(await statusOf('/sales/livez')).toBe(200);
    expect(await statusOf('/support/livez')).toBe(404);
    const pathsOf = async (path: string) => {
      const document = (await (await fetch(`${url}${path}/openapi.json`)).json()) as object;
      expect(await new Validator().validate(document as never)).toMatchObject({ valid: true });
      return Object.keys((document as { paths: object }).paths);
    };
    expect(await pathsOf('/sales')).toEqual(expect.arrayContaining(['/telephony/{carrier}']));
    expect(await pathsOf('/support')).toEqual(expect.arrayContaining(['/daily', '/api/offer']));
    expect(await pathsOf('/support')).not.toContain('/telephony/{carrier}');
    const swagger = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    expect(swagger.paths).toMatchObject({
      '/sales/start': { post: expect.anything() },
      '/support/start': { post: expect.anything() },
    });
    const ids = Object.values(swagger.paths).flatMap((item) =>
      Object.values(item as Record<string, { operationId?: string }>).map((one) => one.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('share the WebSocket adapter with a gateway of the host', async () => {
    @WebSocketGateway({ path: '/host-ws' })
    class HostGateway {
      @SubscribeMessage('ask')
      answer(): { event: string; data: string } {
        return { event: 'answer', data: 'the host' };
      }
    }
    const one = runner('forRoot', { path: 'one' });
    const two = runner('forRoot', { path: 'two' });
    running = await startApp(
      platform,
      [one.module, two.module],
      (app) => void app.useWebSocketAdapter(new WsAdapter(app)),
      { providers: [HostGateway] },
    );
    const host = await connect(`${running.wsUrl}/host-ws`);
    host.send(JSON.stringify({ event: 'ask' }));
    await expect(nextText(host)).resolves.toBe('{"event":"answer","data":"the host"}');
    host.terminate();
    for (const { path, launcher } of [
      { path: 'one', launcher: one.launcher },
      { path: 'two', launcher: two.launcher },
    ]) {
      const { json } = await post(`${running.url}/${path}/start`);
      const client = await connect(json.wsUrl as string);
      await launcher.nextLaunch();
      client.terminate();
    }
  });

  it('work without WebSockets', async () => {
    const transports = () => [DailyModule.forRoot({ apiKey: 'key' })];
    const one = runner('forRoot', { path: 'one', transports: transports() });
    const two = runner('forRoot', { path: 'two', transports: transports() });
    running = await startApp(platform, [one.module, two.module]);
    for (const path of ['one', 'two']) {
      const status = await (await fetch(`${running.url}/${path}/status`)).json();
      expect(status).toEqual({ status: 'ready', transports: ['daily'] });
    }
  });

  it('are separate in each application that imports the same module', async () => {
    const sales = runner('forRoot', { path: 'sales' });
    const support = runner('forRoot', { path: 'support' });
    const first = await startApp(platform, [sales.module, support.module]);
    // On the other framework, whose routers write paths differently.
    running = await startApp(platform === 'fastify' ? 'express' : 'fastify', [
      sales.module,
      support.module,
    ]);
    try {
      for (const { url, app } of [first, running]) {
        const { json, sessionId } = await post(`${url}/sales/start`);
        await connect(json.wsUrl as string);
        await sales.launcher.nextLaunch();
        expect((await fetch(`${url}/sales/sessions/${sessionId}/x`)).status).toBe(409);
        expect(app.get(SessionRegistry, { strict: false })).toBeDefined();
      }
    } finally {
      await first.app.close();
    }
  });

  it('keep their own drain time-out on shutdown', async () => {
    const ended: string[] = [];
    const launcher = (name: string) =>
      new RecordingLauncher(async (_args, session) => {
        session.ready();
        await once(session.signal, 'abort');
        ended.push(name);
      });
    const [one, two] = [launcher('one'), launcher('two')];
    const module = (path: string, bot: RecordingLauncher) =>
      RunnerModule.forRoot({
        path,
        launcher: { useValue: bot },
        transports: [WebSocketModule.forRoot()],
        drainTimeoutMs: 1,
      });
    @Module({ imports: [module('one', one), module('two', two)] })
    class HostModule {}
    const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
    const app = await NestFactory.create(HostModule, adapter, {
      logger: false,
      abortOnError: false,
    });
    const { wsUrl } = await listen(app, true);
    const sockets = [
      await connect(`${wsUrl}/one/ws-client`),
      await connect(`${wsUrl}/two/ws-client`),
    ];
    await Promise.all([one.nextLaunch(), two.nextLaunch()]);
    const closes = sockets.map((socket) => closeOf(socket));
    await app.close();
    expect(ended.sort()).toEqual(['one', 'two']);
    for (const close of closes) await expect(close).resolves.toMatchObject({ code: 1001 });
  });
});

describe('ambiguous runners', () => {
  it.each<[RunnerModuleExtras, RunnerModuleExtras, RegExp]>([
    [{}, {}, /RunnerModule.*path '' is another runner's already/s],
    [{ path: 'voice' }, { path: '/voice/' }, /RunnerModule.*path 'voice' is another runner's/s],
    [
      { name: 'sales', path: 'a' },
      { name: 'sales', path: 'b' },
      /RunnerModule.*name 'sales' is another runner's already/s,
    ],
    [
      { path: 'a', isGlobal: true },
      { path: 'b', isGlobal: true },
      /RunnerModule.*isGlobal makes the runners at 'a' and 'b' injectable under the same classes/s,
    ],
  ])('are refused at start-up: %j and %j', async (one, two, message) => {
    const [first, second] = [runner('forRoot', one), runner('forRootAsync', two)];
    expect(await boot('fastify', [first.module, second.module])).toMatch(message);
  });

  it('with the same transport twice are refused', () => {
    const transports = [WebSocketModule.forRoot(), WebSocketModule.forRoot()];
    expect(() => RunnerModule.forRoot({ transports })).toThrow(
      /RunnerModule.*must not have WebSocketModule twice/s,
    );
  });

  it.each(['', 7, null])('need a non-empty string as the name, not %j', (name) => {
    expect(() => RunnerModule.forRoot({ name: name as string })).toThrow(
      /RunnerModule.*name must be a text such as 'sales'/s,
    );
  });

  it('without a name are accepted with a warning', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const auth: RunnerOptions = { publicKeys: [KEYS.sales], webSocketAuth: 'token' };
    const [one, two] = [
      runner('forRoot', { path: 'a', ...auth }),
      runner('forRoot', { path: 'b', name: 'b', ...auth }),
    ];
    running = await startApp('fastify', [one.module, two.module]);
    expect(JSON.stringify(warn.mock.calls)).not.toMatch(/no name/);
    await running.app.close();
    running = await startApp('fastify', [one.module, runner('forRoot', { path: 'c' }).module]);
    expect(warn.mock.calls.flat()).toContainEqual(
      expect.stringMatching(/Several runners have no name.*Give all but one a name/s),
    );
    expect(running.app.get(Runner, { strict: false }).path).toBe('/c');
    expect(running.app.get(RunnerDrain, { strict: false })).toBeDefined();
  });
});
