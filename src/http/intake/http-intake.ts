import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { watchAllRoutes } from '../../compat/all-routes.js';
import type { ExpressApplication } from '../../compat/express-router.js';
import { nameWildcards } from '../../compat/wildcard-routes.js';
import type { RunnerRef } from '../../runner-ref.js';
import { RUNNER_ROUTE } from '../runner-route.js';
import type { InstalledIntake, Receiver, RoutedRoute } from './exchange.js';
import { type FastifyApplication, installOnFastify } from './fastify-intake.js';
import { installOnExpress } from './express-intake.js';

/**
 * Gives the requests for the routes of all runners in an application to their runner before the framework handles them. Which these are
 * the router of the framework says, however the path is written, prefixed or mounted. Other requests pass untouched.
 */
@Injectable()
export class HttpIntake implements OnModuleInit {
  private readonly receivers = new Map<RunnerRef, Receiver>();
  private installed: InstalledIntake | undefined;

  constructor(adapterHost: HttpAdapterHost, modules: ModulesContainer) {
    const receiverOf = (runner: RunnerRef): Receiver => this.receivers.get(runner)!;
    // Fires at once when the adapter is known; in a test it is known only after the module was compiled.
    adapterHost.init$.subscribe(() => {
      const { httpAdapter } = adapterHost;
      // None in an application without HTTP; one that listens already takes no hooks any more.
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

  /** The routes of all runners, once the application is initialised. */
  get routes(): readonly RoutedRoute[] {
    return this.installed?.routes ?? [];
  }

  /** Gives a runner its requests. */
  add(runner: RunnerRef, receiver: Receiver): void {
    this.receivers.set(runner, receiver);
  }

  onModuleInit(): void {
    this.installed?.complete();
  }
}
