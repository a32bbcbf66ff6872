import { type DynamicModule, Module } from '@nestjs/common';
import { DailyClient } from './daily-client.js';
import { DailyRooms } from './daily-rooms.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './daily.module-definition.js';
import { DAILY_OPTIONS, resolveDailyOptions } from './daily.options.js';
import { DailyTransport } from './daily.transport.js';
import { WarmRooms } from './warm-rooms.js';
import { RunnerPart } from '../../validation/runner-part.decorator.js';

/** Transport module for Daily rooms and Daily dial-in calls. */
@RunnerPart('transports')
@Module({
  providers: [
    DailyTransport,
    DailyClient,
    DailyRooms,
    WarmRooms,
    {
      provide: DAILY_OPTIONS,
      useFactory: resolveDailyOptions,
      inject: [MODULE_OPTIONS_TOKEN],
    },
  ],
  exports: [DailyClient],
})
export class DailyModule extends ConfigurableModuleClass {
  // Overridden only to make the options optional: `DailyModule.forRoot()`.
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0] = {}) {
    return super.forRoot(options);
  }

  /** Configures the transport from Pipecat's environment variables. Without `DAILY_API_KEY` it is registered as disabled. */
  static fromEnv(env: NodeJS.ProcessEnv, extras: { dialin?: boolean } = {}): DynamicModule {
    return this.forRoot({
      apiKey: env.DAILY_API_KEY || undefined,
      apiUrl: env.DAILY_API_URL || undefined,
      roomUrl: env.DAILY_ROOM_URL || undefined,
      dialinSecret: env.PINLESS_HMAC_SECRET || undefined,
      ...extras,
    });
  }
}
