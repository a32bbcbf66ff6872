import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ExpressApplication } from '../../compat/express-router.js';
import type { RunnerRef } from '../../runner-ref.js';
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

  constructor(adapterHost: HttpAdapterHost) {
    const receiverOf = (runner: RunnerRef): Receiver => this.receivers.get(runner)!;
    // Fires at once when the adapter is known; in a test it is known only after the module was compiled.
    adapterHost.init$.subscribe(() => {
      const { httpAdapter } = adapterHost;
      this.installed =
        httpAdapter.getType() === 'fastify'
          ? installOnFastify(httpAdapter.getInstance<FastifyApplication>(), receiverOf)
          : installOnExpress(httpAdapter.getInstance<ExpressApplication>(), receiverOf);
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
