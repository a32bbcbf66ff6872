import { type DynamicModule, Inject, Module, type Type } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { HttpAdapterHost } from '@nestjs/core';
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

  constructor(
    @Inject(CONTROLLER) controller: Type<{ answer: object }>,
    adapterHost: HttpAdapterHost,
  ) {
    // Express wants a name behind the asterisk, Fastify refuses one.
    adapterHost.init$.subscribe(() => {
      if (adapterHost.httpAdapter.getType() !== 'fastify') return;
      Reflect.defineMetadata(
        PATH_METADATA,
        '*',
        (controller.prototype as { answer: object }).answer,
      );
    });
  }
}
