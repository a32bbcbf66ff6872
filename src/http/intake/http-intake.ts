import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { watchAllRoutes, nameWildcards } from '../../compat/nest-routes.js';
import type { ExpressApplication } from '../../compat/express-router.js';
import type { RunnerRef } from '../../runner-ref.js';
import { RUNNER_ROUTE } from '../runner-route.js';
import type { InstalledIntake, Receiver, RoutedRoute } from './exchange.js';
import { type FastifyApplication, installOnFastify } from './fastify-intake.js';
import { installOnExpress } from './express-intake.js';

/**
 * Request intake of an application: passes requests for the runners' routes to their runner before the framework handles them. The framework's
 * router decides which these are. Other requests pass unchanged.
 */
@Injectable()
export class HttpIntake implements OnModuleInit {
  private readonly receivers = new Map<RunnerRef, Receiver>();
  private installed: InstalledIntake | undefined;

  constructor(adapterHost: HttpAdapterHost, modules: ModulesContainer) {
    const receiverOf = (runner: RunnerRef): Receiver => this.receivers.get(runner)!;
    // Fires immediately once the adapter is known; in tests that is after the module was compiled.
    adapterHost.init$.subscribe(() => {
      const { httpAdapter } = adapterHost;
      // Without HTTP there is no adapter, and a listening one accepts no more hooks.
      if (!httpAdapter || adapterHost.listening) return;
      if (httpAdapter.getType() === 'fastify') {
        this.installed = installOnFastify(
          httpAdapter.getInstance<FastifyApplication>(),
          receiverOf,
          watchAllRoutes(httpAdapter),
        );
        return;
      }
      nameWildcards(modules, (handler) => Reflect.hasMetadata(RUNNER_ROUTE, handler));
      this.installed = installOnExpress(httpAdapter.getInstance<ExpressApplication>(), receiverOf);
    });
  }

  /** Routes of all runners, once the application is initialised. */
  get routes(): readonly RoutedRoute[] {
    return this.installed?.routes ?? [];
  }

  /** Registers the receiver of a runner's requests. */
  add(runner: RunnerRef, receiver: Receiver): void {
    this.receivers.set(runner, receiver);
  }

  onModuleInit(): void {
    this.installed?.complete();
  }
}
