import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { RunnerAuth } from './auth/runner-auth.js';
import { BotLauncher } from './bot/bot-launcher.js';
import { FileStorage } from './bot/file-storage.js';
import { runnerClosed, runnerOpened } from './bot/native-runtimes.js';
import { CallLimits } from './calls/call-limits.js';
import { CallRouter } from './calls/call-router.js';
import { isInstance } from './errors/thrown.js';
import { Fleet } from './fleet/fleet.js';
import { RunnerHealth } from './health/runner-health.js';
import { RunnerServing } from './http/runner-serving.js';
import { SessionHooks } from './sessions/session-hooks.js';
import { SessionRegistry } from './sessions/session-registry.js';
import { IMPLIED_TRANSPORT, TransportRegistry } from './transports/transport-registry.js';
import { RunnerTransport } from './transports/runner-transport.js';
import { FolderFileStorage } from './uploads/folder-file-storage.js';
import { InvalidOptionsError, kindOf } from './validation/options.js';

/** Start-up of a runner: validates the host's providers, and calls `prepare()` of the launcher when serving begins. */
@Injectable()
export class RunnerStartup implements OnModuleInit, OnApplicationShutdown {
  private initialised = false;

  constructor(
    private readonly launcher: BotLauncher,
    private readonly auth: RunnerAuth,
    private readonly callRouter: CallRouter,
    private readonly callLimits: CallLimits,
    private readonly sessionHooks: SessionHooks,
    private readonly fileStorage: FileStorage,
    private readonly transports: TransportRegistry,
    private readonly serving: RunnerServing,
    private readonly sessions: SessionRegistry,
    private readonly modules: ModulesContainer,
    private readonly fleet: Fleet,
    private readonly adapterHost: HttpAdapterHost,
    health: RunnerHealth,
  ) {
    health.addCheck('fleet', () => {
      const refusal = fleet.refusalOfOthers();
      if (refusal) throw refusal;
    });
    // Nest runs no lifecycle hooks of a lazily loaded module.
    if (adapterHost.listening) warnOfLazyLoading();
    else adapterHost.listen$.subscribe(() => this.initialised || warnOfLazyLoading());
  }

  async onModuleInit(): Promise<void> {
    this.initialised = true;
    runnerOpened();
    const problems = [
      missing('launcher', this.launcher, 'launch'),
      missing('auth', this.auth, 'authorize'),
      missing('callRouter', this.callRouter, 'route'),
      missing('callLimits', this.callLimits, 'reserve'),
      missing('sessionHooks', this.sessionHooks, 'ended'),
      missing('fileStorage', this.fileStorage, 'save'),
    ].filter((problem) => problem !== undefined);
    if (problems.length > 0) throw new InvalidOptionsError('RunnerModule', problems);
    // A host may give any object with a launch() method.
    this.serving.onServing('launcher', () => this.launcher.prepare?.());
    this.serving.onServing('transports', () => this.warnOfUnusable());
    // For hosts that pass requests from a server of their own.
    this.sessions.observers.add({ changed: () => this.serving.begin() });
    // A CLI or a worker that shares the module is no node.
    if (this.adapterHost.httpAdapter) await this.fleet.join();
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.initialised) await runnerClosed();
  }

  private warnOfUnusable(): void {
    const logger = new Logger('PipecatRunner');
    if (this.transports.isEmpty) {
      logger.warn(
        'No transports are configured, so no session can start: RunnerModule.forRoot({ transports: [WebSocketModule.forRoot()] }).',
      );
    }
    if (this.fleet.peers && isInstance(this.fileStorage, FolderFileStorage)) {
      logger.warn(
        'Uploaded files are in a folder of this node, where the bots of other nodes of its fleet do not find them: give all nodes one fileStorage.',
      );
    }
    for (const problem of this.transports.unknown) logger.warn(problem);
    for (const { name, reason } of this.transports.disabled) {
      if (this.isImplied(name)) continue;
      logger.warn(`Transport '${name}' is configured but cannot be used: ${reason}`);
    }
  }

  private isImplied(name: string): boolean {
    return [...this.modules.values()].some(
      ({ providers }) =>
        providers.has(IMPLIED_TRANSPORT) &&
        [...providers.values()].some(
          ({ instance }) => instance instanceof RunnerTransport && instance.names.includes(name),
        ),
    );
  }
}

/** @returns what is wrong where what a provider gave lacks its method */
function missing(option: string, given: object | undefined, method: string): string | undefined {
  return typeof (given as Record<string, unknown> | undefined)?.[method] === 'function'
    ? undefined
    : `${option} must have a method ${method}(), and ${kindOf(given)} has none`;
}

function warnOfLazyLoading(): void {
  new Logger('PipecatRunner').warn(
    'NOT SERVED: RunnerModule was loaded by LazyModuleLoader, and Nest registers no routes and no WebSockets of such a module. ' +
      'Put RunnerModule.forRoot({ … }) into the imports of a module that the application starts with.',
  );
}
