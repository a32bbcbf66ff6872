import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type ModuleMetadata,
  Optional,
  type Type,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import {
  BotLauncher,
  CallRouter,
  DailyModule,
  DownloadsModule,
  LiveKitModule,
  MetricsModule,
  ProcessBotLauncher,
  RunnerAuth,
  RunnerModule,
  SessionRegistry,
  SmallWebRtcModule,
  TelephonyModule,
  TracingModule,
  transportsFromEnv,
  WebSocketModule,
  WhatsAppModule,
} from '../../src/index.js';
import { localFleet, redisFleet } from '../../src/fleet.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { Lines } from '../support/lines.js';

@Injectable()
class Orders {}
@Module({ providers: [Orders], exports: [Orders] })
class OrdersModule {}
@Module({ imports: [OrdersModule], exports: [OrdersModule] })
class ShopModule {}
@Module({ providers: [Orders] })
class ClosedModule {}

@Injectable()
class OrderBot extends RecordingLauncher {
  constructor(readonly orders: Orders) {
    super();
  }
}
class Bot extends RecordingLauncher {}

/** @returns what the application was refused with, or 'it started', and what it logged */
async function start(
  imports: NonNullable<ModuleMetadata['imports']>,
  metadata: ModuleMetadata = {},
  adapter: AbstractHttpAdapter = new FastifyAdapter(),
): Promise<{ outcome: string; log: Lines }> {
  @Module({ imports, ...metadata })
  class VoiceModule {}
  const log = new Lines();
  try {
    const app = await NestFactory.create(VoiceModule, adapter, {
      logger: log,
      abortOnError: false,
    });
    await app.listen(0, '127.0.0.1');
    await app.close();
    return { outcome: 'it started', log };
  } catch (error) {
    return { outcome: (error as Error).message, log };
  }
}

const websocket = () => [WebSocketModule.forRoot()];
/** Options as somebody wrote them whom no compiler warned. */
const written = (options: object): DynamicModule => RunnerModule.forRoot(options);

describe('an invalid option of RunnerModule is refused by name:', () => {
  async function bot(): Promise<void> {}
  class NoLaunch {}
  it.each<[string, object, RegExp]>([
    [
      'a transport that is only its class',
      { transports: [WebSocketModule] },
      /transports\[0\] must be WebSocketModule\.forRoot\(\), not WebSocketModule itself/,
    ],
    [
      'a transport that is a text',
      { transports: 'websocket' },
      /transports must be a list of modules, such as \[WebSocketModule\.forRoot\(\)\], not 'websocket'/,
    ],
    [
      'transports that are texts',
      { transports: [...websocket(), 'daily'] },
      /transports\[1\] must be a module, such as WebSocketModule\.forRoot\(\), not 'daily'/,
    ],
    [
      'a transport without a list',
      { transports: WebSocketModule.forRoot() },
      /transports must be a list of modules/,
    ],
    [
      'a transport that is undefined',
      { transports: [undefined] },
      /transports\[0\] must be a module, such as .*, not undefined/,
    ],
    [
      'a function that makes a transport',
      { transports: [() => WebSocketModule.forRoot()] },
      /transports\[0\] must be a module, such as WebSocketModule\.forRoot\(\), not a function/,
    ],
    [
      'an object in the place of a class',
      { auth: { authorize: () => ({}) } },
      /auth must be a class that extends RunnerAuth, not an object: write \{ useValue: … \}$/m,
    ],
    [
      'a fleet in the place of its provider',
      { fleet: localFleet() },
      /fleet must be \{ useFactory: \(\) => redisFleet\(\{ … \}\) \}.*, not the fleet itself$/m,
    ],
    [
      'a feature among the transports',
      { transports: [MetricsModule.forRoot()] },
      /transports\[0\] MetricsModule belongs into features/,
    ],
    [
      'a transport among the features',
      { features: websocket() },
      /features\[0\] WebSocketModule belongs into transports/,
    ],
    [
      'a feature that is only its class',
      { features: [MetricsModule] },
      /features\[0\] must be MetricsModule\.forRoot\(\)/,
    ],
    [
      'an async function as the launcher',
      { launcher: bot },
      /launcher must be a class that extends BotLauncher, not a function: write class Mine extends BotLauncher/,
    ],
    [
      'an arrow function as the launcher',
      { launcher: () => undefined },
      /launcher must be a class .*, not a function/,
    ],
    [
      'an instance as the launcher',
      { launcher: new Bot() },
      /launcher must be a class .*, not an instance of Bot: write Bot, or \{ useValue: new Bot\(…\) \}/,
    ],
    [
      'null as the launcher',
      { launcher: null },
      /launcher must be a class that extends BotLauncher, or a provider/,
    ],
    [
      'a function as the auth',
      { auth: () => ({}) },
      /auth must be a class that extends RunnerAuth, not a function/,
    ],
    [
      'imports without a list',
      { imports: OrdersModule },
      /imports must be a list of modules, not the class OrdersModule/,
    ],
    [
      'a path with a blank',
      { path: '/a b' },
      /path must be plain URL segments such as 'voice' or 'api\/voice', not '\/a b'/,
    ],
    ['a path that is no text', { path: 5 }, /path must be plain URL segments .*, not a number/],
    [
      'flags that are none',
      { console: 'yes', health: 0, isGlobal: null },
      /console must be true or false.*health must be true or false.*isGlobal must be true or false/s,
    ],
  ])('%s', (_, options, message) => {
    expect(() => written(options)).toThrow(message);
    expect(() => RunnerModule.forRootAsync({ ...options, useFactory: () => ({}) })).toThrow(
      message,
    );
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'no options',
      () => RunnerModule.forRoot(undefined as never),
      /the options must be an object, not undefined: RunnerModule\.forRoot\(\{ launcher: MyBot, transports: \[ … \] \}\)/,
    ],
    [
      'null for options',
      () => RunnerModule.forRoot(null as never),
      /the options must be an object, not null/,
    ],
    [
      'no async options',
      () => RunnerModule.forRootAsync(undefined as never),
      /the options must be an object, not undefined: RunnerModule\.forRootAsync/,
    ],
    [
      'async options that come from nowhere',
      () => RunnerModule.forRootAsync({ launcher: Bot }),
      /useFactory, useClass or useExisting must say where the options come from/,
    ],
    [
      'options beside useFactory',
      () =>
        RunnerModule.forRootAsync({
          ...{ launcher: Bot, maxSessions: 4, transport: [] },
          useFactory: () => ({}),
        }),
      /maxSessions belongs into what useFactory returns.*transport is not an option; .*; did you mean transports\?/s,
    ],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(message);
  });

  it.each<[string, object, RegExp]>([
    [
      'a name that is nearly one of an option',
      { maxSesions: 4 },
      /maxSesions is not an option; there are publicUrl.*; did you mean maxSessions\?/,
    ],
    [
      'a name that is nearly one of what shapes the module',
      { laucher: Bot, transport: [] },
      /laucher is not an option; .*; did you mean launcher\?.*transport is not .*; did you mean transports\?/s,
    ],
    [
      'a public URL of another scheme',
      { publicUrl: 'wss://bot.example.com' },
      /publicUrl must be a host name such as bot\.example\.com, or an http\(s\):\/\/ URL/,
    ],
    ['a name like no other', { colour: 'red' }, /colour is not an option; there are [^?]*$/],
    [
      'a class without launch()',
      { launcher: NoLaunch },
      /launcher must have a method launch\(\), and an instance of NoLaunch has none/,
    ],
    [
      'a factory that gives nothing',
      { launcher: { useFactory: () => undefined } },
      /launcher must have a method launch\(\), and undefined has none/,
    ],
    [
      'an auth without authorize()',
      { auth: { useValue: {} } },
      /auth must have a method authorize\(\), and an object has none/,
    ],
    [
      'a router that does not route',
      { callRouter: class NoRoute {} },
      /callRouter must have a method route\(\), and an instance of NoRoute has none/,
    ],
    [
      'limits and hooks that do nothing',
      { callLimits: { useValue: {} }, sessionHooks: { useFactory: () => ({}) } },
      /callLimits must have a method reserve\(\), .*sessionHooks must have a method ended\(\), /s,
    ],
    ...(['auth', 'callRouter', 'callLimits', 'sessionHooks', 'fileStorage'] as const).map(
      (option): [string, object, RegExp] => [
        `a factory of ${option} that gives nothing`,
        { [option]: { useFactory: () => undefined } },
        new RegExp(`${option} must have a method \\w+\\(\\), and undefined has none`),
      ],
    ),
    ...(
      [
        ['undefined', { useFactory: () => undefined }],
        ['null', { useFactory: () => Promise.resolve(null) }],
        ['an object', { useFactory: () => ({}) }],
        ['a function', { useValue: redisFleet }],
        ['an instance of NoLaunch', { useClass: NoLaunch }],
      ] as const
    ).map(([given, fleet]): [string, object, RegExp] => [
      `${given} as the fleet`,
      { fleet },
      new RegExp(
        `RunnerModule.*fleet must be redisFleet\\(…\\) or localFleet\\(\\) of nestjs-pipecat-runner/fleet, not ${given}$`,
        's',
      ),
    ]),
    [
      'a key that the environment lacks',
      { publicKeys: [undefined] },
      /publicKeys \[0\] must be a key .*, not undefined/,
    ],
  ])('%s', async (_, options, message) => {
    expect((await start([written({ ...options })])).outcome).toMatch(message);
  });

  it('module options in the result of useFactory', async () => {
    const { outcome } = await start([
      RunnerModule.forRootAsync({ useFactory: () => ({ launcher: Bot, transports: [] }) as never }),
    ]);
    expect(outcome).toMatch(
      /launcher shapes the module: put it beside useFactory.*transports shapes/s,
    );
  });

  it('null from useFactory, for the runner and for a transport', async () => {
    const fromFactory = await start([
      RunnerModule.forRootAsync({ useFactory: () => null as never }),
    ]);
    expect(fromFactory.outcome).toMatch(/RunnerModule.*the options must be an object, not null/s);
    const ofTransport = await start([
      RunnerModule.forRoot({ transports: [WebSocketModule.forRoot(null as never)] }),
    ]);
    expect(ofTransport.outcome).toMatch(
      /WebSocketModule.*the options must be an object, not null/s,
    );
  });

  it('but a launcher with launch as a field, or compiled to a function, is accepted', async () => {
    class FieldBot extends BotLauncher {
      override launch = async (): Promise<void> => undefined;
    }
    const Compiled = function () {} as unknown as Type<BotLauncher>;
    Object.assign(Compiled.prototype as object, { launch: async () => undefined });
    for (const launcher of [FieldBot, Compiled]) {
      const { outcome } = await start([
        RunnerModule.forRoot({ launcher, transports: websocket() }),
      ]);
      expect(outcome).toBe('it started');
    }
  });
});

describe('a module in the wrong place names the right one:', () => {
  it('RunnerModule without forRoot()', async () => {
    @Injectable()
    class Watcher {
      constructor(readonly sessions: SessionRegistry) {}
    }
    const bare =
      /imports must have RunnerModule\.forRoot\(\{ launcher: MyBot, .* not RunnerModule itself; .* isGlobal: true/;
    expect((await start([RunnerModule])).outcome).toMatch(bare);
    expect((await start([RunnerModule], { providers: [Watcher] })).outcome).toMatch(bare);
  });

  it.each<[Type, DynamicModule, string]>([
    [WebSocketModule, WebSocketModule.forRoot(), 'transports'],
    [TelephonyModule, TelephonyModule.forRoot(), 'transports'],
    [SmallWebRtcModule, SmallWebRtcModule.forRoot(), 'transports'],
    [DailyModule, DailyModule.forRoot(), 'transports'],
    [LiveKitModule, LiveKitModule.forRoot(), 'transports'],
    [WhatsAppModule, WhatsAppModule.forRoot({} as never), 'transports'],
    [MetricsModule, MetricsModule.forRoot(), 'features'],
    [TracingModule, TracingModule.forRoot(), 'features'],
    [DownloadsModule, DownloadsModule.forRoot({ folder: 'demo' }), 'features'],
  ])('%p beside RunnerModule', async (cls, dynamic, option) => {
    const fix = `${option} must have ${cls.name} in it, which is imported elsewhere: RunnerModule.forRoot({ ${option}: [${cls.name}.forRoot(…)] })`;
    for (const module of [cls, dynamic]) {
      for (const isGlobal of [false, true]) {
        const runner = RunnerModule.forRoot({ launcher: Bot, isGlobal });
        expect((await start([runner, module])).outcome).toContain(fix);
      }
    }
  });
});

describe('a dependency of the launcher', () => {
  const runner = (options: object) => written({ transports: websocket(), ...options });
  const PROVIDED_BY_ITSELF =
    'which VoiceModule provides, but VoiceModule imports RunnerModule itself: move Orders to a module of its own that exports it, and write RunnerModule.forRoot({ imports: [ThatModule] })';

  it.each<[string, object]>([
    ['imports its module', { launcher: OrderBot, imports: [OrdersModule] }],
    ['imports a module that passes it on', { launcher: OrderBot, imports: [ShopModule] }],
    [
      'makes it with a factory',
      {
        launcher: { useFactory: (o: Orders) => new OrderBot(o), inject: [Orders] },
        imports: [OrdersModule],
      },
    ],
  ])('is resolved when RunnerModule %s', async (_, options) => {
    const { outcome, log } = await start([runner(options)]);
    expect(outcome).toBe('it started');
    expect(log.text).not.toMatch(/injects/);
  });

  it('is resolved when the launcher is a provider that its feature module exports', async () => {
    @Module({ imports: [OrdersModule], providers: [OrderBot], exports: [OrderBot] })
    class BotModule {}
    const { outcome } = await start([
      runner({ launcher: { useExisting: OrderBot }, imports: [BotModule] }),
    ]);
    expect(outcome).toBe('it started');
  });

  it.each<[string, object, ModuleMetadata, string]>([
    [
      'the module that imports RunnerModule imports it',
      { launcher: OrderBot },
      { imports: [OrdersModule] },
      'launcher injects Orders, which OrdersModule provides: write RunnerModule.forRoot({ imports: [OrdersModule] })',
    ],
    [
      'the module that imports RunnerModule provides it',
      { launcher: OrderBot },
      { providers: [Orders] },
      `launcher injects Orders, ${PROVIDED_BY_ITSELF}`,
    ],
    [
      'its module does not export it',
      { launcher: OrderBot, imports: [ClosedModule] },
      {},
      'launcher injects Orders, which ClosedModule provides: write RunnerModule.forRoot({ imports: [ClosedModule] }), exporting it from there',
    ],
    [
      'nobody provides it',
      { launcher: { useFactory: () => new Bot(), inject: [Orders] } },
      {},
      'launcher injects Orders, which no module provides: add the module that exports it to RunnerModule.forRoot({ imports: [ … ] })',
    ],
    [
      'useExisting names a provider of the importing module',
      { launcher: { useExisting: Orders } },
      { providers: [Orders] },
      `launcher injects Orders, ${PROVIDED_BY_ITSELF}`,
    ],
  ])(
    'is reported by the name of the option when %s',
    async (_, options, { imports = [], ...metadata }, hint) => {
      const { outcome, log } = await start([...imports, runner(options)], metadata);
      expect(outcome).toMatch(/available in the RunnerModule module/);
      expect(outcome).not.toMatch(/Core/);
      expect(log.text).toContain(hint);
    },
  );

  it('is reported by the name of the option for auth and for an options factory', async () => {
    @Injectable()
    class OrderAuth extends RunnerAuth {
      constructor(readonly orders: Orders) {
        super();
      }
      authorize(): undefined {}
    }
    const ofAuth = await start([runner({ auth: OrderAuth })]);
    expect(ofAuth.log.text).toContain('auth injects Orders, which no module provides');
    const ofFactory = await start([
      RunnerModule.forRootAsync({ useFactory: () => ({}), inject: [Orders] }),
    ]);
    expect(ofFactory.log.text).toContain('forRootAsync injects Orders, which no module provides');
  });

  it('may be missing when it is optional or when a test overrides the launcher', async () => {
    @Injectable()
    class RelaxedBot extends RecordingLauncher {
      constructor(@Optional() @Inject('NOT THERE') readonly extra: unknown) {
        super();
      }
    }
    const relaxed = await start([runner({ launcher: RelaxedBot })]);
    expect([relaxed.outcome, relaxed.log.text]).toEqual([
      'it started',
      expect.not.stringMatching(/injects/),
    ]);
    const log = new Lines();
    const module = await Test.createTestingModule({ imports: [runner({ launcher: OrderBot })] })
      .setLogger(log)
      .overrideProvider(BotLauncher)
      .useValue(new Bot())
      .compile();
    expect(log.text).not.toMatch(/injects/);
    await module.close();
  });
});

describe('a runner without', () => {
  const warnings = async (options: object) =>
    (await start([written({ launcher: Bot, ...options })])).log.text;

  it('transports is warned of', async () => {
    const warning = /warn No transports are configured.*RunnerModule\.forRoot\(\{ transports: \[/;
    expect(await warnings({})).toMatch(warning);
    expect(await warnings({ transports: websocket() })).not.toMatch(warning);
  });

  it('the transport that an option names is warned of', async () => {
    const options = { transports: websocket(), onlyTransport: 'websockets' };
    expect(await warnings({ ...options, defaultTransport: 'websocket' })).toMatch(
      /warn onlyTransport is 'websockets', which is none of the transports that are configured: websocket\.$/m,
    );
    expect(await warnings({ transports: websocket() })).not.toMatch(/none of/);
  });

  it('@Injectable() on a class that injects is warned of', async () => {
    class Undecorated extends RecordingLauncher {
      constructor(readonly orders: Orders) {
        super();
      }
    }
    const warning = /warn launcher Undecorated takes 1 argument, .*@Injectable\(\)/;
    const options = { transports: websocket(), imports: [OrdersModule] };
    expect(await warnings({ ...options, launcher: Undecorated })).toMatch(warning);
    expect(await warnings({ ...options, launcher: OrderBot })).not.toMatch(/Injectable/);
  });
});

describe('webhooks that anyone may send', () => {
  class KeysOfTenants extends CallRouter {
    override webhookKeys() {
      return ['key'];
    }
    async route() {
      return {};
    }
  }
  it.each<[string, object, boolean]>([
    ['are warned of', {}, true],
    ['are warned of with a router of no keys', { callRouter: { useValue: { route() {} } } }, true],
    ['are not those that a callRouter has keys for', { callRouter: KeysOfTenants }, false],
  ])('%s', async (_, options, warned) => {
    const transports = [TelephonyModule.forRoot()];
    const { log } = await start([written({ launcher: Bot, transports, ...options })]);
    expect(/warn Webhooks of twilio, .* are taken from anyone/.test(log.text)).toBe(warned);
  });
});

describe('a transport that cannot be used', () => {
  const warnings = async (options: object) =>
    (await start([written({ launcher: Bot, ...options })])).log.text;

  it.each<[string, object, RegExp]>([
    [
      'Daily without a key',
      { transports: [DailyModule.forRoot()] },
      /warn Transport 'daily' is configured but cannot be used: .*DailyModule\.forRoot\(\{ apiKey \}\)/,
    ],
    [
      'LiveKit without credentials',
      { transports: [LiveKitModule.forRoot({ url: 'wss://x' })] },
      /warn Transport 'livekit' is configured but cannot be used: .*apiSecret/,
    ],
    [
      'WebRTC with bots in other processes',
      {
        transports: [SmallWebRtcModule.forRoot()],
        launcher: { useFactory: () => new ProcessBotLauncher({ command: 'true' }) },
      },
      /warn Transport 'webrtc' is configured but cannot be used: /,
    ],
  ])('is warned of when it is configured: %s', async (_, options, warning) => {
    expect(await warnings(options)).toMatch(warning);
  });

  it('is not warned of when it is only implied', async () => {
    expect(await warnings({ transports: transportsFromEnv({}) })).not.toMatch(/cannot be used/);
  });

  it('is warned of where its WebSockets cannot be opened, over HTTP/2 alone', async () => {
    const log = async (http2: boolean) => {
      const adapter = new FastifyAdapter({ http2 } as object);
      const imports = [written({ launcher: Bot, transports: websocket() })];
      return (await start(imports, {}, adapter)).log.text;
    };
    expect(await log(true)).toMatch(/warn WebSockets cannot be opened.*allowHTTP1/);
    expect(await log(false)).not.toMatch(/WebSockets/);
  });
});
