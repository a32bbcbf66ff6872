import { ConfigurableModuleBuilder, type DynamicModule, Module } from '@nestjs/common';
import './livekit.media.js';
import { LIVEKIT_OPTIONS, resolveLiveKitOptions, type LiveKitOptions } from './livekit.options.js';
import { LIVEKIT_SDK, loadLiveKitSdk, LiveKitServer } from './livekit-server.js';
import { LiveKitTransport } from './livekit.transport.js';
import { LiveKitWebhookController } from './livekit-webhook.controller.js';
import { RunnerPart } from '../../validation/runner-part.decorator.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<LiveKitOptions>({ moduleName: 'PipecatLiveKit' })
    .setClassMethodName('forRoot')
    .build();

/** Transport module for LiveKit rooms. Requires the package `livekit-server-sdk`. */
@RunnerPart('transports')
@Module({
  controllers: [LiveKitWebhookController],
  providers: [
    LiveKitTransport,
    LiveKitServer,
    { provide: LIVEKIT_SDK, useFactory: loadLiveKitSdk },
    {
      provide: LIVEKIT_OPTIONS,
      useFactory: resolveLiveKitOptions,
      inject: [MODULE_OPTIONS_TOKEN],
    },
  ],
})
export class LiveKitModule extends ConfigurableModuleClass {
  // Overridden only to make the options optional: `LiveKitModule.forRoot()`.
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0] = {}) {
    return super.forRoot(options);
  }

  /** Configures the transport from Pipecat's environment variables. Without credentials it is registered as disabled. */
  static fromEnv(env: NodeJS.ProcessEnv): DynamicModule | undefined {
    return this.forRoot({
      url: env.LIVEKIT_URL || undefined,
      apiKey: env.LIVEKIT_API_KEY || undefined,
      apiSecret: env.LIVEKIT_API_SECRET || undefined,
      roomName: env.LIVEKIT_ROOM_NAME || undefined,
    });
  }
}
