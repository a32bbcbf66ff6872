import { once } from 'node:events';
import {
  type ArgumentsHost,
  BadRequestException,
  Body,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Injectable,
  Module,
  Post,
  Scope,
  UnauthorizedException,
  ValidationPipe,
  VersioningType,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { IsString } from 'class-validator';
import { afterEach, describe, expect, it } from '@jest/globals';
import { io } from 'socket.io-client';
import {
  BotLauncher,
  type BotSession,
  type RunnerArguments,
  RunnerModule,
  SessionRegistry,
  TelephonyModule,
  transportsFromEnv,
  WebSocketModule,
} from '../../src/index.js';
import type { Provided } from '../../src/runner-module.options.js';
import { placeCall, RecordingLauncher } from '../../src/testing/index.js';
import {
  closeApps,
  closeOf,
  connect,
  listen,
  nextText,
  PLATFORMS,
  post,
  type RunningApp,
  runnerModule,
  startApp,
  WAYS,
} from '../support/runner-app.js';

let running: RunningApp | undefined;
afterEach(closeApps);

const transports = () => [WebSocketModule.forRoot(), TelephonyModule.forRoot()];

@Injectable()
class Greetings {
  readonly text = 'from a host service';
}
@Module({ providers: [Greetings], exports: [Greetings] })
class GreetingsModule {}

@Injectable()
class GreetingBot extends BotLauncher {
  constructor(private readonly greetings: Greetings) {
    super();
  }
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    (args as unknown as { websocket: { send(text: string): void } }).websocket.send(
      this.greetings.text,
    );
    session.ready();
    await once(session.signal, 'abort');
  }
}
@Module({ imports: [GreetingsModule], providers: [GreetingBot], exports: [GreetingBot] })
class BotModule {}

class Thing {
  @IsString()
  name!: string;
}
@Controller('things')
class ThingsController {
  @Post()
  create(@Body() thing: Thing): Thing {
    return thing;
  }
  @Get()
  list(): never {
    throw new BadRequestException('the host says no');
  }
}

@Catch()
class TeapotFilter implements ExceptionFilter {
  constructor(private readonly adapterHost: HttpAdapterHost) {}
  catch(_error: unknown, host: ArgumentsHost): void {
    this.adapterHost.httpAdapter.reply(host.switchToHttp().getResponse(), { teapot: true }, 418);
  }
}

@WebSocketGateway({ path: '/host-ws' })
class HostWsGateway {
  @SubscribeMessage('ask')
  answer(): { event: string; data: string } {
    return { event: 'answer', data: 'the host' };
  }
}
@WebSocketGateway()
class HostIoGateway {
  @SubscribeMessage('ask')
  answer(): { event: string; data: string } {
    return { event: 'answer', data: 'the host' };
  }
}

/** The runner works: a client connects as `/start` says, and its bot is there. */
async function conversation({ url }: RunningApp, prefix = ''): Promise<void> {
  const { status, json } = await post(`${url}${prefix}/start`, {
    transport: 'websocket',
    body: { x: 1 },
  });
  expect(status).toBe(200);
  const client = await connect(json.wsUrl as string);
  client.close();
  await once(client, 'close');
}

describe.each(PLATFORMS)('in a host application on %s, the runner', (platform) => {
  describe.each(WAYS)('with %s', (way) => {
    it('works with a global prefix, versioning, strict pipes and filters, and leaves them alone', async () => {
      const launcher = new RecordingLauncher();
      running = await startApp(
        platform,
        [
          runnerModule(way, {
            launcher: { useValue: launcher },
            transports: transports(),
            path: 'voice',
          }),
        ],
        (app) => {
          app.setGlobalPrefix('api');
          app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
          app.useGlobalPipes(
            new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }),
          );
          app.useGlobalFilters(new TeapotFilter(app.get(HttpAdapterHost)));
        },
        { controllers: [ThingsController] },
      );
      const { url, wsUrl } = running;
      await conversation(running, '/api/voice');
      expect((await launcher.nextLaunch()).args.body).toEqual({ x: 1 });
      const call = await placeCall({ carrier: 'twilio', url: `${wsUrl}/api/voice/ws` });
      await launcher.nextLaunch();
      await call.hangUp();
      const unknown = await post(`${url}/api/voice/start`, { transport: 'nope', surplus: 1 });
      expect(unknown.status).toBe(400);
      expect(unknown.json.detail).toMatch(/nope/);
      // The host's own things are still the host's.
      expect((await post(`${url}/api/v1/things`, { name: 'a' })).json).toEqual({ name: 'a' });
      expect(await post(`${url}/api/v1/things`, { name: 'a', surplus: 1 })).toMatchObject({
        status: 418,
        json: { teapot: true },
      });
      expect((await fetch(`${url}/api/v1/things`)).status).toBe(418);
    });

    it.each<[string, Provided<BotLauncher>]>([
      ['a class', GreetingBot],
      ['useClass', { useClass: GreetingBot }],
      ['useExisting', { useExisting: GreetingBot }],
      [
        'useFactory',
        { useFactory: (greetings: Greetings) => new GreetingBot(greetings), inject: [Greetings] },
      ],
      ['useValue', { useValue: new GreetingBot({ text: 'from a host service' }) }],
    ])('accepts the launcher as %s', async (_, launcher) => {
      running = await startApp(platform, [
        runnerModule(way, {
          imports: [GreetingsModule, BotModule],
          launcher,
          transports: transports(),
        }),
      ]);
      const { WebSocket } = await import('ws');
      const client = new WebSocket(`${running.wsUrl}/ws-client`);
      await expect(nextText(client)).resolves.toBe('from a host service');
      client.close();
    });
  });

  it('works beside a gateway of the host on the ws adapter', async () => {
    running = await startApp(
      platform,
      [
        RunnerModule.forRoot({
          launcher: { useValue: new RecordingLauncher() },
          transports: transports(),
        }),
      ],
      (app) => void app.useWebSocketAdapter(new WsAdapter(app)),
      { providers: [HostWsGateway] },
    );
    await conversation(running);
    const host = await connect(`${running.wsUrl}/host-ws`);
    host.send(JSON.stringify({ event: 'ask' }));
    await expect(nextText(host)).resolves.toBe('{"event":"answer","data":"the host"}');
    host.close();
    await conversation(running);
  });

  it('works beside a gateway of the host on socket.io', async () => {
    running = await startApp(
      platform,
      [
        RunnerModule.forRoot({
          launcher: { useValue: new RecordingLauncher() },
          transports: transports(),
        }),
      ],
      undefined,
      { providers: [HostIoGateway] },
    );
    await conversation(running);
    const socket = io(running.url, { transports: ['websocket'] });
    const answer = new Promise((resolve) => socket.once('answer', resolve));
    socket.emit('ask');
    await expect(answer).resolves.toBe('the host');
    socket.close();
    await conversation(running);
  });

  it('lets a test override the host’s bot', async () => {
    const recorder = new RecordingLauncher();
    const module = await Test.createTestingModule({
      imports: [
        RunnerModule.forRoot({
          imports: [GreetingsModule],
          launcher: GreetingBot,
          transports: transports(),
        }),
      ],
    })
      .overrideProvider(BotLauncher)
      .useValue(recorder)
      .compile();
    const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
    running = await listen(module.createNestApplication(adapter, { logger: false }));
    await conversation(running);
    expect(recorder.launches).toHaveLength(1);
    // The body parsing is in place as well.
    expect((await post(`${running.url}/start`, '{"broken')).status).toBe(400);
    expect((await post(`${running.url}/start`, '{"transport":"websocket"')).json.detail).toMatch(
      /webrtc/,
    );
  });

  it('keeps the host’s guards in force', async () => {
    running = await startApp(
      platform,
      [
        RunnerModule.forRoot({
          launcher: { useValue: new RecordingLauncher() },
          transports: transports(),
        }),
      ],
      (app) => {
        app.useGlobalGuards({
          canActivate() {
            throw new UnauthorizedException('no badge');
          },
        });
      },
    );
    const { status, json } = await post(`${running.url}/start`, { transport: 'websocket' });
    expect(status).toBe(401);
    expect(json.detail).toBe('no badge');
  });

  it('exports its registry, application-wide with isGlobal', async () => {
    @Injectable()
    class Watcher {
      constructor(readonly sessions: SessionRegistry) {}
    }
    @Module({ providers: [Watcher] })
    class WatcherModule {}
    running = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: { useValue: new RecordingLauncher() },
        transports: transports(),
        isGlobal: true,
      }),
      WatcherModule,
    ]);
    await post(`${running.url}/start`, { transport: 'websocket' });
    expect(running.app.get(Watcher, { strict: false }).sessions.size).toBe(1);
  });

  it('shuts down at once with sessions in every state', async () => {
    const launcher = new RecordingLauncher();
    running = await startApp(platform, [
      RunnerModule.forRoot({ launcher: { useValue: launcher }, transports: transports() }),
    ]);
    const { url, wsUrl, app } = running;
    await post(`${url}/start`, { transport: 'websocket' });
    const silent = await connect(`${wsUrl}/ws`);
    const plain = await connect(`${wsUrl}/ws-client`);
    await launcher.nextLaunch();
    const closes = [closeOf(silent), closeOf(plain)];
    const registry = app.get(SessionRegistry, { strict: false });
    expect(registry.size).toBe(3);
    await app.close();
    for (const close of closes) await expect(close).resolves.toMatchObject({ code: 1001 });
    expect(registry.size).toBe(0);
    running = undefined;
  });
});

describe('options of the host', () => {
  const boot = (module: Parameters<typeof startApp>[1][number]) =>
    startApp('fastify', [module]).then(
      async ({ app }) => {
        await app.close();
        return 'it started';
      },
      (error: Error) => error.message,
    );

  it.each<[object, RegExp]>([
    [{ maxSessions: 0 }, /RunnerModule.*maxSessions must be a whole number of at least 1/s],
    [{ pendingTtlMs: '5' }, /pendingTtlMs must be a number of milliseconds/],
    [{ pendingTtlMs: Infinity }, /pendingTtlMs/],
    [{ webSocketAuth: 'jwt' }, /webSocketAuth must be 'none' or 'token'/],
    [{ webSocketBody: { now: () => 1 } }, /webSocketBody must be data, such as JSON has it/],
    [{ tokenSecret: 'short' }, /tokenSecret must be a string of at least 16 characters/],
    [{ allowedOrigins: 'https://a.example' }, /allowedOrigins must be a list of origins/],
    [{ allowedOrigins: ['a.example'] }, /allowedOrigins/],
    [{ publicUrl: 'not a host' }, /publicUrl must be a host name/],
    [{ maxSesions: 5 }, /maxSesions is not an option; there are publicUrl/],
    [{ stopGraceMs: -1, bodyLimitBytes: 0 }, /stopGraceMs.*bodyLimitBytes/s],
    [{ startQueueMs: -1 }, /startQueueMs must be a number of milliseconds from 0/],
    [{ maxQueuedStarts: 0 }, /maxQueuedStarts/],
    [{ loadFunction: 0.5 }, /loadFunction must be a function/],
    [{ loadThreshold: 0 }, /loadThreshold must be a number above 0/],
    [{ drainTimeoutMs: Infinity }, /drainTimeoutMs/],
    [{ sessionRequestTimeoutMs: 0 }, /sessionRequestTimeoutMs/],
    [{ sessionHistory: -1 }, /sessionHistory/],
  ])('are refused at start-up: %j', async (options, message) => {
    await expect(boot(RunnerModule.forRoot(options))).resolves.toMatch(message);
    await expect(boot(RunnerModule.forRootAsync({ useFactory: () => options }))).resolves.toMatch(
      message,
    );
  });

  it.each<[() => Parameters<typeof boot>[0], RegExp]>([
    [
      () => RunnerModule.forRoot({ transports: [WebSocketModule.forRoot({ pingIntervalMs: -1 })] }),
      /WebSocketModule.*pingIntervalMs/s,
    ],
    [
      () =>
        RunnerModule.forRoot({ transports: [TelephonyModule.forRoot({ handshakeTimeoutMs: 0 })] }),
      /TelephonyModule.*handshakeTimeoutMs/s,
    ],
    [
      () =>
        RunnerModule.forRoot({
          transports: [TelephonyModule.forRoot({ customParameters: { a: 1 } as never })],
        }),
      /customParameters/,
    ],
    ...['twilio', { exotel: '<Response/>' }, { twilio: 'busy' }, { twilio: 7 }].map(
      (busyXml): [() => Parameters<typeof boot>[0], RegExp] => [
        () =>
          RunnerModule.forRoot({
            transports: [TelephonyModule.forRoot({ busyXml: busyXml as never })],
          }),
        /busyXml must be an object of <Response> documents/,
      ],
    ),
  ])('of a transport are refused at start-up', async (module, message) => {
    await expect(boot(module())).resolves.toMatch(message);
  });

  it.each<[() => unknown, RegExp]>([
    [() => RunnerModule.forRoot({ path: '/voice?x' }), /path must be plain URL segments/],
    [() => RunnerModule.forRoot({ path: ':id' }), /path must be plain URL segments/],
    [
      () => RunnerModule.forRoot({ launcher: {} as never }),
      /launcher must be a class that extends BotLauncher/,
    ],
    [
      () => RunnerModule.forRoot({ auth: {} as never }),
      /auth must be a class that extends RunnerAuth/,
    ],
    [
      () => TelephonyModule.forRoot({ carrier: 'pigeon' }),
      /carrier must be one of twilio, telnyx, plivo, exotel/,
    ],
  ])('that shape the module are refused when it is created', (make, message) => {
    expect(make).toThrow(message);
  });

  it('refuse a request-scoped launcher and request-scoped dependencies', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {}
    @Injectable()
    class DependentBot extends RecordingLauncher {
      constructor(readonly dependency: PerRequest) {
        super();
      }
    }
    @Module({ providers: [PerRequest], exports: [PerRequest] })
    class PerRequestModule {}
    await expect(
      boot(RunnerModule.forRoot({ launcher: DependentBot, imports: [PerRequestModule] })),
    ).resolves.toMatch(/launcher must not be request-scoped/);
  });

  it('of the transports can come from a factory', async () => {
    const running = await startApp('fastify', [
      RunnerModule.forRoot({
        launcher: { useValue: new RecordingLauncher() },
        transports: [
          WebSocketModule.forRootAsync({ useFactory: async () => ({ pingIntervalMs: 0 }) }),
          TelephonyModule.forRootAsync({
            webhookPath: 'calls',
            imports: [GreetingsModule],
            inject: [Greetings],
            useFactory: (greetings: Greetings) => ({
              customParameters: { greeting: greetings.text },
            }),
          }),
        ],
      }),
    ]);
    const response = await fetch(`${running.url}/calls/twilio`, { method: 'POST' });
    expect(await response.text()).toContain(
      '<Parameter name="greeting" value="from a host service">',
    );
    await running.app.close();
  });

  it('of the transports can come from the environment', async () => {
    const running = await startApp('fastify', [
      RunnerModule.forRoot({
        launcher: { useValue: new RecordingLauncher() },
        transports: transportsFromEnv({}),
      }),
    ]);
    const { transports: names } = (await (await fetch(`${running.url}/status`)).json()) as {
      transports: string[];
    };
    expect(names).toEqual([
      'websocket',
      'twilio',
      'telnyx',
      'plivo',
      'exotel',
      'vonage',
      'genesys',
      'webrtc',
    ]);
    await running.app.close();
  });
});
