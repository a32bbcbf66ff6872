import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { BotLauncher } from './bot/bot-launcher.js';
import { RunnerServing } from './http/runner-serving.js';
import { SessionRegistry } from './sessions/session-registry.js';

/** What happens once in the life of a runner: its launcher prepares when the runner begins to serve. */
@Injectable()
export class RunnerStartup implements OnModuleInit {
  private initialised = false;

  constructor(
    private readonly launcher: BotLauncher,
    private readonly serving: RunnerServing,
    private readonly sessions: SessionRegistry,
    adapterHost: HttpAdapterHost,
  ) {
    // Nest runs no hooks of a module that is loaded lazily.
    if (adapterHost.listening) warnOfLazyLoading();
    else adapterHost.listen$.subscribe(() => this.initialised || warnOfLazyLoading());
  }

  onModuleInit(): void {
    this.initialised = true;
    // A host may give any object with a launch() method.
    this.serving.onServing('launcher', () => this.launcher.prepare?.());
    // For those whose requests come from a server of their own.
    this.sessions.observers.add({ changed: () => this.serving.begin() });
  }
}

function warnOfLazyLoading(): void {
  new Logger('PipecatRunner').warn(
    'NOT SERVED: RunnerModule was loaded by LazyModuleLoader, and Nest registers no routes and no WebSockets of such a module. ' +
      'Put RunnerModule.forRoot({ … }) into the imports of a module that the application starts with.',
  );
}
