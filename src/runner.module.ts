import {
  type Abstract,
  ConfigurableModuleBuilder,
  type DynamicModule,
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
import { CallLimits } from './calls/call-limits.js';
import { CallRouter, TakeEveryCall } from './calls/call-router.js';
import { CallRouting } from './calls/call-routing.js';
import { InMemoryCallLimits } from './calls/in-memory-call-limits.js';
import { consoleController } from './console/console.controller.js';
import { ConsolePage } from './console/console-page.js';
import { HealthController } from './health/health.controller.js';
import { RunnerHealth } from './health/runner-health.js';
import { HttpFront } from './http/http-front.js';
import { NotFound } from './http/not-found.js';
import { PublicUrls } from './http/public-url.js';
import { RUNNER_PATH, RunnerPaths } from './http/runner-paths.js';
import { resolveRunnerOptions, RUNNER_OPTIONS, type RunnerOptions } from './runner.options.js';
import { InvalidOptionsError } from './validation/options.js';
import { LoadMonitor } from './sessions/load-monitor.js';
import { RunnerDrain } from './sessions/runner-drain.js';
import { RunnerReadiness } from './sessions/runner-readiness.js';
import { SessionApiModule } from './sessions/session-api.module.js';
import { SessionHookDispatcher } from './sessions/session-hook-dispatcher.js';
import { NoSessionHooks, SessionHooks } from './sessions/session-hooks.js';
import { SessionRegistry } from './sessions/session-registry.js';
import { SessionTokens } from './sessions/session-token.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { StartController } from './start/start.controller.js';
import { SessionStarter } from './transports/session-starter.js';
import { TransportRegistry } from './transports/transport-registry.js';
import { runnerSocketsProvider } from './websocket/runner-sockets.provider.js';
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

/** What becomes of each phone call: a class, or any form of Nest provider for one. */
export type CallRouterDefinition = Provided<CallRouter>;

/** What may be called: a class, or any form of Nest provider for one. */
export type CallLimitsDefinition = Provided<CallLimits>;

/** Who keeps records of sessions: a class, or any form of Nest provider for one. */
export type SessionHooksDefinition = Provided<SessionHooks>;

/** What shapes the module itself, and so must be known before any option is computed. */
export interface RunnerModuleExtras {
  /** The bot to run. Without one, `/start` answers 501. */
  launcher?: LauncherDefinition;
  /** Who may do what. Without it, `publicKeys` and `privateKeys` decide. */
  auth?: AuthDefinition;
  /** Decides about each phone call before it is answered. Without one every call is taken. */
  callRouter?: CallRouterDefinition;
  /** What `OutboundCalls` may call, and `transport.transfer()`. Without them there are no limits. */
  callLimits?: CallLimitsDefinition;
  /** Is told of every session that has ended, and of every start that was refused. */
  sessionHooks?: SessionHooksDefinition;
  /** Modules whose providers all of these, and an options factory, inject. */
  imports?: ModuleMetadata['imports'];
  /** The transports this instance offers, such as `WebSocketModule.forRoot()`. */
  transports?: DynamicModule[];
  /** What watches and describes the runner, such as `MetricsModule.forRoot()`. */
  features?: DynamicModule[];
  /**
   * Where all routes and WebSockets live, such as `voice` for `/voice/start` and `/voice/ws`.
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
  constructor(private readonly moduleRef: ModuleRef) {}

  onModuleInit(): void {
    // Otherwise everything that injects it would be request-scoped too, and every request had a runner of its own.
    for (const [name, token] of [
      ['launcher', BotLauncher],
      ['auth', RunnerAuth],
      ['callRouter', CallRouter],
      ['callLimits', CallLimits],
      ['sessionHooks', SessionHooks],
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
        launcher: undefined,
        auth: undefined,
        callRouter: undefined,
        callLimits: undefined,
        sessionHooks: undefined,
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
  const path = checkPath(extras.path ?? '');
  const core: DynamicModule = {
    module: RunnerCoreModule,
    imports: [...new Set([...(definition.imports ?? []), ...(extras.imports ?? [])])],
    controllers: [
      StartController,
      SessionsController,
      ...(extras.console ? [consoleController()] : []),
      ...((extras.health ?? true) ? [HealthController] : []),
    ],
    providers: [
      ...(definition.providers ?? []),
      {
        provide: RUNNER_OPTIONS,
        useFactory: resolveRunnerOptions,
        inject: [MODULE_OPTIONS_TOKEN],
      },
      { provide: RUNNER_PATH, useValue: path },
      provider('launcher', BotLauncher, extras.launcher ?? MissingBotLauncher),
      provider('auth', RunnerAuth, extras.auth ?? KeyAuth),
      provider('callRouter', CallRouter, extras.callRouter ?? TakeEveryCall),
      provider(
        'callLimits',
        CallLimits,
        extras.callLimits ?? { useValue: new InMemoryCallLimits() },
      ),
      provider('sessionHooks', SessionHooks, extras.sessionHooks ?? NoSessionHooks),
      CallRouting,
      SessionHookDispatcher,
      SessionStarter,
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
      HttpFront,
      NotFound,
      runnerSocketsProvider,
      SocketSessions,
    ],
    exports: [
      BotLauncher,
      RunnerAuth,
      CallRouter,
      CallLimits,
      SessionHooks,
      CallRouting,
      RUNNER_OPTIONS,
      SessionRegistry,
      SessionStarter,
      RunnerDrain,
      RunnerReadiness,
      SessionTokens,
      TransportRegistry,
      RunnerHealth,
      RunnerPaths,
      PublicUrls,
      SocketSessions,
    ],
  };
  const onTop = [
    ...(extras.transports ?? []),
    ...(extras.features ?? []),
    SessionApiModule.forRunner(),
  ].map((module) => ({ ...module, imports: [...(module.imports ?? []), core] }));
  const modules = [core, ...onTop];
  return {
    module: definition.module,
    global: extras.isGlobal ?? false,
    imports: [
      ...(path ? [RouterModule.register(modules.map(({ module }) => ({ path, module })))] : []),
      ...modules,
    ],
    // Such as `OutboundCalls`, of `TelephonyModule`.
    exports: modules,
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

function checkPath(path: string): string {
  const trimmed = path.replace(/^\/+|\/+$/g, '');
  if (/^([\w.~-]+(\/[\w.~-]+)*)?$/.test(trimmed)) return trimmed;
  throw new InvalidOptionsError('RunnerModule', [
    `path must be plain URL segments such as 'voice' or 'api/voice', not '${path}'`,
  ]);
}
