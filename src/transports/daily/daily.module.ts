import { type DynamicModule, Module } from '@nestjs/common';
import { DailyClient } from './daily-client.js';
import './daily.media.js';
import { DailyRooms } from './daily-rooms.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './daily.module-definition.js';
import { DAILY_OPTIONS, resolveDailyOptions } from './daily.options.js';
import { DailyTransport } from './daily.transport.js';
import { WarmRooms } from './warm-rooms.js';
import { RunnerPart } from '../../validation/runner-part.decorator.js';

/** Daily rooms, and phone calls that Daily forwards. */
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

  /** This transport as Pipecat's environment variables imply it; without `DAILY_API_KEY` it is there, but disabled. */
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
