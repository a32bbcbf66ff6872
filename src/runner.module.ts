import {
  type Abstract,
  ConfigurableModuleBuilder,
  type DynamicModule,
  Inject,
  Module,
  type OnModuleInit,
  type Provider,
  Scope,
  type Type,
} from '@nestjs/common';
import { ModuleRef, RouterModule } from '@nestjs/core';
import { KeyAuth } from './auth/key-auth.js';
import { getAuthToken, RunnerAuth } from './auth/runner-auth.js';
import { BotLauncher, MissingBotLauncher } from './bot/bot-launcher.js';
import { FileStorage } from './bot/file-storage.js';
import { CallLimits } from './calls/call-limits.js';
import { CallRouter, TakeEveryCall } from './calls/call-router.js';
import { CallRouting } from './calls/call-routing.js';
import { InMemoryCallLimits } from './calls/in-memory-call-limits.js';
import { ConsoleController } from './console/console.controller.js';
import { ConsolePage } from './console/console-page.js';
import './errors/nest-log.js';
import { Fleet } from './fleet/fleet.js';
import { FleetController } from './fleet/fleet.controller.js';
import { FLEET_ROUTING } from './fleet/fleet-routing.providers.js';
import { LocalFleet } from './fleet/local-fleet.js';
import { HealthController } from './health/health.controller.js';
import { RunnerHealth } from './health/runner-health.js';
import { FleetRouter } from './http/fleet-router/fleet-router.js';
import { RunnerIntake } from './http/intake/runner-intake.js';
import { NotFound } from './http/not-found.js';
import { PublicUrls } from './http/public-url.js';
import { RunnerPaths } from './http/runner-paths.js';
import { RunnerServing } from './http/runner-serving.js';
import { ServerConnections } from './http/server-connections.js';
import { dependenciesCheck } from './missing-dependencies.js';
import { ownModule } from './runner/own-module.js';
import { getRunnerToken, Runner } from './runner/runner.js';
import { RunnerDirectory, RunnerHostModule } from './runner/runner-host.module.js';
import {
  checkAsyncOptions,
  EXTRAS,
  type Provided,
  resolveExtras,
  type RunnerModuleExtras,
} from './runner-module.options.js';
import { RunnerStartup } from './runner-startup.js';
import { resolveRunnerOptions, RUNNER_OPTIONS, type RunnerOptions } from './runner.options.js';
import { RUNNER_REF, type RunnerRef } from './runner-ref.js';
import { InvalidOptionsError, kindOf } from './validation/options.js';
import { IN_PLACE, refusalOf } from './validation/runner-part.decorator.js';
import { EventLoopWatchdog } from './sessions/event-loop-watchdog.js';
import { NodeRecycler } from './sessions/node-recycler.js';
import { LoadMonitor, RunnerReadiness } from './sessions/runner-readiness.js';
import { RunnerDrain } from './sessions/runner-drain.js';
import { SessionApiModule } from './sessions/session-api.controller.js';
import { SessionHookDispatcher } from './sessions/session-hook-dispatcher.js';
import { NoSessionHooks, SessionHooks } from './sessions/session-hooks.js';
import { FleetSessionRegistry } from './sessions/fleet-session-registry.js';
import { LocalSessionRegistry } from './sessions/local-session-registry.js';
import { SessionRegistry } from './sessions/session-registry.js';
import { SessionTokens } from './sessions/session-token.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { StartController } from './start/start.controller.js';
import { FleetRooms } from './transports/fleet-rooms.js';
import { SessionStarter } from './transports/session-starter.js';
import { TransportRegistry } from './transports/transport-registry.js';
import { SocketSessions } from './websocket/socket-sessions.js';
import { FilesController, SessionFilesController } from './uploads/uploads.controller.js';
import { UploadsOff } from './uploads/uploads-off.js';
import { Uploads } from './uploads/uploads.js';
import { folderStorage, UPLOADS_OPTIONS } from './uploads/uploads.options.js';

/** Parts of the runner that the host can provide: their options, and their DI tokens. */
const HOST_PARTS = [
  ['launcher', BotLauncher],
  ['auth', RunnerAuth],
  ['callRouter', CallRouter],
  ['callLimits', CallLimits],
  ['sessionHooks', SessionHooks],
  ['fileStorage', FileStorage],
  ['fleet', Fleet],
] as const;

/** Providers shared by transports and features; {@link RunnerModule} imports it into each of them. */
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
    // A request-scoped part would make all its dependants request-scoped: one runner for each request.
    for (const [name, token] of HOST_PARTS) {
      if (this.moduleRef.introspect(token as Type<unknown>).scope !== Scope.REQUEST) continue;
      throw new InvalidOptionsError('RunnerModule', [
        `${name} must not be request-scoped, nor inject what is: it outlives the request`,
      ]);
    }
  }
}

// The name in Nest's errors and logs.
Object.defineProperty(RunnerCoreModule, 'name', { value: 'RunnerModule' });

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<RunnerOptions>({
    moduleName: 'Runner',
  })
    .setClassMethodName('forRoot')
    .setExtras<RunnerModuleExtras>(
      // Nest distinguishes extras from options by these keys.
      Object.fromEntries(EXTRAS.map((name) => [name, undefined])),
      (definition, extras) => compose(definition, extras),
    )
    .build();

const BARE =
  'imports must have RunnerModule.forRoot({ launcher: MyBot, transports: [WebSocketModule.forRoot()] }), not RunnerModule itself; ' +
  'where other modules inject what it exports, set isGlobal: true there';

/**
 * Runs voice bots inside a Nest application.
 *
 * @example
 * ```ts
 * RunnerModule.forRoot({ launcher: SupportBot, transports: [WebSocketModule.forRoot()] })
 * ```
 */
@Module({ providers: [refusalOf(BARE)] })
export class RunnerModule extends ConfigurableModuleClass {
  /** @throws {InvalidOptionsError} naming every invalid option that can be detected before the application starts */
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0]) {
    refuseNoOptions('forRoot({ launcher: MyBot, transports: [ … ] })', options);
    return super.forRoot(options);
  }

  /** @throws {InvalidOptionsError} as {@link forRoot} does */
  static override forRootAsync(
    options: Parameters<typeof ConfigurableModuleClass.forRootAsync>[0],
  ) {
    const call = 'forRootAsync({ launcher: MyBot, transports: [ … ], useFactory: () => ({ … }) })';
    refuseNoOptions(call, options);
    if (!options.useFactory && !options.useClass && !options.useExisting) {
      throw new InvalidOptionsError('RunnerModule', [
        `useFactory, useClass or useExisting must say where the options come from: ${call}`,
      ]);
    }
    checkAsyncOptions(options);
    return super.forRootAsync(options);
  }
}

function refuseNoOptions(call: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new InvalidOptionsError('RunnerModule', [
    `the options must be an object, not ${kindOf(options)}: RunnerModule.${call}`,
  ]);
}

function compose(definition: DynamicModule, given: RunnerModuleExtras): DynamicModule {
  const extras = resolveExtras({ ...given, imports: given.imports ?? definition.imports });
  const path = extras.path.replace(/^\/+|\/+$/g, '');
  const { name, fileStorage, uploads } = extras;
  const takesUploads = fileStorage !== undefined || uploads.folder !== undefined;
  const runner: RunnerRef = { name, path, isGlobal: extras.isGlobal, modules: new Set() };
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
        SessionFilesController,
        // A host may have routes of these names.
        ...(takesUploads ? [FilesController] : []),
        ...(extras.fleet ? [FleetController] : []),
        ...(extras.console ? [ConsoleController] : []),
        ...(extras.health ? [HealthController] : []),
      ],
      providers: [
        dependenciesCheck([...HOST_PARTS, ['forRootAsync', MODULE_OPTIONS_TOKEN]]),
        ...(definition.providers ?? []),
        {
          provide: RUNNER_OPTIONS,
          useFactory: (options: RunnerOptions) => resolveRunnerOptions(options, EXTRAS),
          inject: [MODULE_OPTIONS_TOKEN],
        },
        { provide: RUNNER_REF, useValue: runner },
        provider(BotLauncher, extras.launcher ?? MissingBotLauncher),
        provider(RunnerAuth, extras.auth ?? KeyAuth),
        provider(CallRouter, extras.callRouter ?? TakeEveryCall),
        provider(CallLimits, extras.callLimits ?? { useValue: new InMemoryCallLimits() }),
        provider(SessionHooks, extras.sessionHooks ?? NoSessionHooks),
        provider(FileStorage, fileStorage ?? { useFactory: () => folderStorage(uploads) }),
        { provide: UPLOADS_OPTIONS, useValue: uploads },
        Uploads,
        ...(takesUploads ? [] : [UploadsOff]),
        CallRouting,
        SessionHookDispatcher,
        SessionStarter,
        provider(Fleet, extras.fleet ?? LocalFleet),
        {
          provide: SessionRegistry,
          useClass: extras.fleet ? FleetSessionRegistry : LocalSessionRegistry,
        },
        RunnerDrain,
        RunnerReadiness,
        LoadMonitor,
        NodeRecycler,
        EventLoopWatchdog,
        SessionTokens,
        TransportRegistry,
        FleetRooms,
        RunnerHealth,
        RunnerPaths,
        PublicUrls,
        ConsolePage,
        RunnerServing,
        RunnerStartup,
        ServerConnections,
        ...FLEET_ROUTING,
        RunnerIntake,
        NotFound,
        SocketSessions,
      ],
      exports: [
        ...HOST_PARTS.map(([, token]) => token),
        CallRouting,
        RUNNER_OPTIONS,
        RUNNER_REF,
        SessionRegistry,
        SessionStarter,
        RunnerDrain,
        RunnerReadiness,
        SessionTokens,
        TransportRegistry,
        RunnerHealth,
        RunnerPaths,
        RunnerServing,
        PublicUrls,
        RunnerIntake,
        FleetRouter,
        SocketSessions,
        RunnerHostModule,
      ],
    },
    runner,
  );
  const modules = [
    core,
    ...distinct([...extras.transports, ...extras.features]).map((module) =>
      ownModule(
        {
          ...module,
          imports: [...(module.imports ?? []), core],
          providers: [...(module.providers ?? []), IN_PLACE],
        },
        runner,
      ),
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
    providers: [
      IN_PLACE,
      { provide: token, useClass: Runner },
      ...(name === undefined ? [] : [{ provide: getAuthToken(name), useExisting: RunnerAuth }]),
    ],
    // The other providers of a named runner are not exported, because they would collide with another runner's.
    exports: [token, ...(name === undefined ? modules : [getAuthToken(name)])],
  };
}

function provider<T>(token: Abstract<T>, definition: Provided<T>): Provider {
  return typeof definition === 'function'
    ? { provide: token, useClass: definition }
    : { provide: token, ...definition };
}

/** Refuses a module class that is given twice: both would serve the same paths. */
function distinct(modules: DynamicModule[]): DynamicModule[] {
  const classes = modules.map(({ module }) => module);
  const twice = classes.find((one, i) => classes.indexOf(one) < i);
  if (!twice) return modules;
  throw new InvalidOptionsError('RunnerModule', [
    `transports and features must not have ${twice.name} twice: give RunnerModule a second time, with another path`,
  ]);
}
