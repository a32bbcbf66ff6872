import { type DynamicModule, Inject, Module, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { fitWildcardRoutes } from '../http/wildcard-routes.js';
import { sessionApiController } from './session-api.controller.js';

const CONTROLLER = Symbol('CONTROLLER');

/**
 * A module of its own, to come after all transports: theirs are the more specific routes below `/sessions/:id`, and Express takes the first
 * that fits.
 */
@Module({})
export class SessionApiModule {
  static forRunner(): DynamicModule {
    const controller = sessionApiController();
    return {
      module: SessionApiModule,
      controllers: [controller],
      providers: [{ provide: CONTROLLER, useValue: controller }],
    };
  }

  constructor(@Inject(CONTROLLER) controller: Type<unknown>, adapterHost: HttpAdapterHost) {
    fitWildcardRoutes(controller, adapterHost);
  }
}
