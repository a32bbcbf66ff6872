import {
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
import { BotLauncher } from './bot/bot-launcher.js';
import { MissingBotLauncher } from './bot/missing-bot-launcher.js';
import { consoleController } from './console/console.controller.js';
import { ConsolePage } from './console/console-page.js';
import { HttpFront } from './http/http-front.js';
import { NotFound } from './http/not-found.js';
import { PublicUrls } from './http/public-url.js';
import { RUNNER_PATH, RunnerPaths } from './http/runner-paths.js';
import {
  InvalidOptionsError,
  resolveRunnerOptions,
  RUNNER_OPTIONS,
  type RunnerOptions,
} from './runner.options.js';
import { SessionRegistry } from './sessions/session-registry.js';
import { SessionTokens } from './sessions/session-token.js';
import { StartController } from './start/start.controller.js';
import { TransportRegistry } from './transports/transport-registry.js';
import { runnerSocketsProvider } from './websocket/runner-sockets.provider.js';
import { SocketSessions } from './websocket/socket-sessions.js';

/** The bot: a class, or any form of Nest provider for one. */
export type LauncherDefinition =
  | Type<BotLauncher>
  | { useClass: Type<BotLauncher> }
  | { useExisting: InjectionToken }
  | { useValue: BotLauncher }
  | {
      // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in Nest's FactoryProvider
      useFactory: (...args: any[]) => BotLauncher | Promise<BotLauncher>;
      inject?: InjectionToken[];
    };

/** What shapes the module itself, and so must be known before any option is computed. */
export interface RunnerModuleExtras {
  /** The bot to run. Without one, `/start` answers 501. */
  launcher?: LauncherDefinition;
  /** Modules whose providers the launcher (and an options factory) injects. */
  imports?: ModuleMetadata['imports'];
  /** The transports this instance offers, such as `WebSocketModule.forRoot()`. */
  transports?: DynamicModule[];
  /**
   * Where all routes and WebSockets live, such as `voice` for `/voice/start` and `/voice/ws`.
   * @default ''
   */
  path?: string;
  /**
   * Serves a page to talk to the bot from a browser, at `/client/`. Whoever may open it may start bots.
   * @default false
   */
  console?: boolean;
  /**
   * Makes the runner's exported providers injectable everywhere.
   * @default false
   */
  isGlobal?: boolean;
}

/** Everything the transports share. They import it through {@link RunnerModule}, which adds it to each of them. */
@Module({})
class RunnerCoreModule implements OnModuleInit {
  constructor(private readonly moduleRef: ModuleRef) {}

  onModuleInit(): void {
    // Otherwise everything that injects it would be request-scoped too, and every request had a runner of its own.
    if (this.moduleRef.introspect(BotLauncher as Type<BotLauncher>).scope === Scope.REQUEST) {
      throw new InvalidOptionsError('RunnerModule', [
        'launcher must not be request-scoped, nor inject what is: a bot outlives the request that starts it',
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
        imports: undefined,
        transports: undefined,
        path: undefined,
        console: undefined,
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
    controllers: [StartController, ...(extras.console ? [consoleController()] : [])],
    providers: [
      ...(definition.providers ?? []),
      {
        provide: RUNNER_OPTIONS,
        useFactory: resolveRunnerOptions,
        inject: [MODULE_OPTIONS_TOKEN],
      },
      { provide: RUNNER_PATH, useValue: path },
      launcherProvider(extras.launcher),
      SessionRegistry,
      SessionTokens,
      TransportRegistry,
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
      RUNNER_OPTIONS,
      SessionRegistry,
      SessionTokens,
      TransportRegistry,
      RunnerPaths,
      PublicUrls,
      SocketSessions,
    ],
  };
  const transports = (extras.transports ?? []).map((transport) => ({
    ...transport,
    imports: [...(transport.imports ?? []), core],
  }));
  const modules = [core, ...transports];
  return {
    module: definition.module,
    global: extras.isGlobal ?? false,
    imports: [
      ...(path ? [RouterModule.register(modules.map(({ module }) => ({ path, module })))] : []),
      ...modules,
    ],
    exports: [core],
  };
}

function launcherProvider(launcher: LauncherDefinition | undefined): Provider {
  if (!launcher) return { provide: BotLauncher, useClass: MissingBotLauncher };
  if (typeof launcher === 'function') return { provide: BotLauncher, useClass: launcher };
  if ('useClass' in launcher || 'useExisting' in launcher || 'useValue' in launcher) {
    return { provide: BotLauncher, ...launcher };
  }
  if ('useFactory' in launcher) return { provide: BotLauncher, ...launcher };
  throw new InvalidOptionsError('RunnerModule', [
    'launcher must be a class that extends BotLauncher, or a provider: { useClass | useExisting | useFactory | useValue }',
  ]);
}

function checkPath(path: string): string {
  const trimmed = path.replace(/^\/+|\/+$/g, '');
  if (/^([\w.~-]+(\/[\w.~-]+)*)?$/.test(trimmed)) return trimmed;
  throw new InvalidOptionsError('RunnerModule', [
    `path must be plain URL segments such as 'voice' or 'api/voice', not '${path}'`,
  ]);
}
