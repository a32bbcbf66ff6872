import {
  type Abstract,
  ConfigurableModuleBuilder,
  type DynamicModule,
  Inject,
  type InjectionToken,
  Module,
  type ModuleMetadata,
  type OnModuleInit,
  type Provider,
  Scope,
  type Type,
} from '@nestjs/common';
import { ModuleRef, RouterModule } from '@nestjs/core';
import { KeyAuth } from './auth/key-auth.js';
import { RunnerAuth } from './auth/runner-auth.js';
import { BotLauncher } from './bot/bot-launcher.js';
import { MissingBotLauncher } from './bot/missing-bot-launcher.js';
import { ConsoleController } from './console/console.controller.js';
import { ConsolePage } from './console/console-page.js';
import { HealthController } from './health/health.controller.js';
import { RunnerHealth } from './health/runner-health.js';
import { RunnerIntake } from './http/intake/runner-intake.js';
import { NotFound } from './http/not-found.js';
import { PublicUrls } from './http/public-url.js';
import { RunnerPaths } from './http/runner-paths.js';
import { ownModule } from './runner/own-module.js';
import { getRunnerToken, Runner } from './runner/runner.js';
import { RunnerDirectory } from './runner/runner-directory.js';
import { RunnerHostModule } from './runner/runner-host.module.js';
import { resolveRunnerOptions, RUNNER_OPTIONS, type RunnerOptions } from './runner.options.js';
import { RUNNER_REF, type RunnerRef } from './runner-ref.js';
import { InvalidOptionsError } from './validation/options.js';
import { LoadMonitor } from './sessions/load-monitor.js';
import { RunnerDrain } from './sessions/runner-drain.js';
import { RunnerReadiness } from './sessions/runner-readiness.js';
import { SessionApiModule } from './sessions/session-api.module.js';
import { SessionRegistry } from './sessions/session-registry.js';
import { SessionTokens } from './sessions/session-token.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { StartController } from './start/start.controller.js';
import { TransportRegistry } from './transports/transport-registry.js';
import { SocketSessions } from './websocket/socket-sessions.js';

/** What a host provides in place of the runner's own: a class, or any form of Nest provider for one. */
type Provided<T> =
  | Type<T>
  | { useClass: Type<T> }
  | { useExisting: InjectionToken }
  | { useValue: T }
  | {
      // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in Nest's FactoryProvider
      useFactory: (...args: any[]) => T | Promise<T>;
      inject?: InjectionToken[];
    };

/** The bot: a class, or any form of Nest provider for one. */
export type LauncherDefinition = Provided<BotLauncher>;

/** Who may do what: a class, or any form of Nest provider for one. */
export type AuthDefinition = Provided<RunnerAuth>;

/** What shapes the module itself, and so must be known before any option is computed. */
export interface RunnerModuleExtras {
  /**
   * Tells this runner from others in the application: with a name it is injected as `@InjectRunner(name)`, and only so.
   * @default none: it is injected as `Runner`, and what it is made of under its own classes
   */
  name?: string;
  /** The bot to run. Without one, `/start` answers 501. */
  launcher?: LauncherDefinition;
  /** Who may do what. Without it, `publicKeys` and `privateKeys` decide. */
  auth?: AuthDefinition;
  /** Modules whose providers the launcher, the auth and an options factory inject. */
  imports?: ModuleMetadata['imports'];
  /** The transports this instance offers, such as `WebSocketModule.forRoot()`. */
  transports?: DynamicModule[];
  /** What watches and describes the runner, such as `MetricsModule.forRoot()`. */
  features?: DynamicModule[];
  /**
   * Where all routes and WebSockets live, such as `voice` for `/voice/start` and `/voice/ws`. Each runner of an application needs another.
   * @default ''
   */
  path?: string;
  /**
   * Serves a page to talk to the bot from a browser, at `/client/`. Where there are keys it needs a public one to start a bot.
   * @default false
   */
  console?: boolean;
  /**
   * Whether `GET /livez` and `GET /readyz` are there.
   * @default true
   */
  health?: boolean;
  /**
   * Makes the runner's exported providers injectable everywhere.
   * @default false
   */
  isGlobal?: boolean;
}

/** Everything the transports and features share. They import it through {@link RunnerModule}, which adds it to each of them. */
@Module({})
class RunnerCoreModule implements OnModuleInit {
  constructor(
    private readonly moduleRef: ModuleRef,
    directory: RunnerDirectory,
    @Inject(RUNNER_REF) runner: RunnerRef,
  ) {
    directory.add(runner);
  }

  onModuleInit(): void {
    // Otherwise everything that injects it would be request-scoped too, and every request had a runner of its own.
    for (const [name, token] of [
      ['launcher', BotLauncher],
      ['auth', RunnerAuth],
    ] as const) {
      if (this.moduleRef.introspect(token as Type<unknown>).scope !== Scope.REQUEST) continue;
      throw new InvalidOptionsError('RunnerModule', [
        `${name} must not be request-scoped, nor inject what is: it outlives the request`,
      ]);
    }
  }
}

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<RunnerOptions>({
    moduleName: 'Runner',
  })
    .setClassMethodName('forRoot')
    .setExtras<RunnerModuleExtras>(
      // Nest tells extras from options by the keys listed here.
      {
        name: undefined,
        launcher: undefined,
        auth: undefined,
        imports: undefined,
        transports: undefined,
        features: undefined,
        path: undefined,
        console: undefined,
        health: undefined,
        isGlobal: undefined,
      },
      (definition, extras) => compose(definition, extras),
    )
    .build();

/**
 * Runs voice bots inside a Nest application.
 *
 * @example
 * ```ts
 * RunnerModule.forRoot({ launcher: SupportBot, transports: [WebSocketModule.forRoot()] })
 * ```
 */
@Module({})
export class RunnerModule extends ConfigurableModuleClass {}

function compose(definition: DynamicModule, extras: RunnerModuleExtras): DynamicModule {
  const name = checkName(extras.name);
  const path = checkPath(extras.path ?? '');
  const runner: RunnerRef = { name, path, isGlobal: extras.isGlobal ?? false };
  const core = ownModule(
    {
      module: RunnerCoreModule,
      imports: [
        RunnerHostModule,
        ...new Set([...(definition.imports ?? []), ...(extras.imports ?? [])]),
      ],
      controllers: [
        StartController,
        SessionsController,
        ...(extras.console ? [ConsoleController] : []),
        ...((extras.health ?? true) ? [HealthController] : []),
      ],
      providers: [
        ...(definition.providers ?? []),
        {
          provide: RUNNER_OPTIONS,
          useFactory: resolveRunnerOptions,
          inject: [MODULE_OPTIONS_TOKEN],
        },
        { provide: RUNNER_REF, useValue: runner },
        provider('launcher', BotLauncher, extras.launcher ?? MissingBotLauncher),
        provider('auth', RunnerAuth, extras.auth ?? KeyAuth),
        SessionRegistry,
        RunnerDrain,
        RunnerReadiness,
        LoadMonitor,
        SessionTokens,
        TransportRegistry,
        RunnerHealth,
        RunnerPaths,
        PublicUrls,
        ConsolePage,
        RunnerIntake,
        NotFound,
        SocketSessions,
      ],
      exports: [
        BotLauncher,
        RunnerAuth,
        RUNNER_OPTIONS,
        RUNNER_REF,
        SessionRegistry,
        RunnerDrain,
        RunnerReadiness,
        SessionTokens,
        TransportRegistry,
        RunnerHealth,
        RunnerPaths,
        PublicUrls,
        RunnerIntake,
        SocketSessions,
        RunnerHostModule,
      ],
    },
    runner,
  );
  const modules = [
    core,
    ...distinct([...(extras.transports ?? []), ...(extras.features ?? [])]).map((module) =>
      ownModule({ ...module, imports: [...(module.imports ?? []), core] }, runner),
    ),
    ownModule({ module: SessionApiModule, imports: [core] }, runner),
  ];
  const token = getRunnerToken(name);
  return {
    module: definition.module,
    global: runner.isGlobal,
    imports: [
      ...(path ? [RouterModule.register(modules.map(({ module }) => ({ path, module })))] : []),
      ...modules,
    ],
    providers: [{ provide: token, useClass: Runner }],
    // The parts of one with a name would be taken for those of another, wherever both can be injected.
    exports: [token, ...(name === undefined ? [core] : [])],
  };
}

function provider<T>(
  name: string,
  token: Abstract<T> & { readonly name: string },
  definition: Provided<T>,
): Provider {
  if (typeof definition === 'function') return { provide: token, useClass: definition };
  if ('useClass' in definition || 'useExisting' in definition || 'useValue' in definition) {
    return { provide: token, ...definition };
  }
  if ('useFactory' in definition) return { provide: token, ...definition };
  throw new InvalidOptionsError('RunnerModule', [
    `${name} must be a class that extends ${token.name}, or a provider: { useClass | useExisting | useFactory | useValue }`,
  ]);
}

/** Two of one kind would answer at the same paths. */
function distinct(modules: DynamicModule[]): DynamicModule[] {
  const classes = modules.map(({ module }) => module);
  const twice = classes.find((one, i) => classes.indexOf(one) < i);
  if (!twice) return modules;
  throw new InvalidOptionsError('RunnerModule', [
    `transports and features must not have ${twice.name} twice: give RunnerModule a second time, with another path`,
  ]);
}

function checkPath(path: string): string {
  const trimmed = path.replace(/^\/+|\/+$/g, '');
  if (/^([\w.~-]+(\/[\w.~-]+)*)?$/.test(trimmed)) return trimmed;
  throw new InvalidOptionsError('RunnerModule', [
    `path must be plain URL segments such as 'voice' or 'api/voice', not '${path}'`,
  ]);
}

function checkName(name: unknown): string | undefined {
  if (name === undefined || (typeof name === 'string' && name !== '')) return name;
  throw new InvalidOptionsError('RunnerModule', ["name must be a text such as 'sales'"]);
}
