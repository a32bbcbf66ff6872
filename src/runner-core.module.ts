import {
  type Abstract,
  type DynamicModule,
  Inject,
  Module,
  type OnModuleInit,
  type Provider,
  Scope,
  type Type,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { KeyAuth } from './auth/key-auth.js';
import { RunnerAuth } from './auth/runner-auth.js';
import { BotLauncher, MissingBotLauncher } from './bot/bot-launcher.js';
import { FileStorage } from './bot/file-storage.js';
import { CallLimits } from './calls/call-limits.js';
import { CallRouter, TakeEveryCall } from './calls/call-router.js';
import { CallRouting } from './calls/call-routing.js';
import { InMemoryCallLimits } from './calls/in-memory-call-limits.js';
import { ConsoleController } from './console/console.controller.js';
import { ConsolePage } from './console/console-page.js';
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
import { RunnerDirectory, RunnerHostModule } from './runner/runner-host.module.js';
import { EXTRAS, type Provided, resolveExtras } from './runner-module.options.js';
import { RunnerStartup } from './runner-startup.js';
import { resolveRunnerOptions, RUNNER_OPTIONS, type RunnerOptions } from './runner.options.js';
import { RUNNER_REF, type RunnerRef } from './runner-ref.js';
import { InvalidOptionsError } from './validation/options.js';
import { EventLoopWatchdog } from './sessions/event-loop-watchdog.js';
import { NodeRecycler } from './sessions/node-recycler.js';
import { LoadMonitor, RunnerReadiness } from './sessions/runner-readiness.js';
import { RunnerDrain } from './sessions/runner-drain.js';
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

/**
 * Returns the module that a runner's transports and features import.
 * @param definition what Nest makes of the options
 * @param optionsToken DI token of the options, as the host gives them
 */
export function coreModule(
  definition: DynamicModule,
  extras: ReturnType<typeof resolveExtras>,
  runner: RunnerRef,
  optionsToken: string | symbol,
): DynamicModule {
  const { fileStorage, uploads } = extras;
  const takesUploads = fileStorage !== undefined || uploads.folder !== undefined;
  return ownModule(
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
        dependenciesCheck([...HOST_PARTS, ['forRootAsync', optionsToken]]),
        ...(definition.providers ?? []),
        {
          provide: RUNNER_OPTIONS,
          useFactory: (options: RunnerOptions) => resolveRunnerOptions(options, EXTRAS),
          inject: [optionsToken],
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
}

function provider<T>(token: Abstract<T>, definition: Provided<T>): Provider {
  return typeof definition === 'function'
    ? { provide: token, useClass: definition }
    : { provide: token, ...definition };
}
