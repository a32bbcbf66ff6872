import { ConfigurableModuleBuilder, type DynamicModule, Module } from '@nestjs/common';
import { RunnerPart } from '../../validation/runner-part.decorator.js';
import {
  resolveVonageVideoOptions,
  VONAGE_VIDEO_OPTIONS,
  type VonageVideoOptions,
} from './vonage-video.options.js';
import { VonageVideoTransport } from './vonage-video.transport.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<VonageVideoOptions>({ moduleName: 'PipecatVonageVideo' })
    .setClassMethodName('forRoot')
    .build();

/** Transport module for sessions of Vonage's Video API, which bots join. Calls over its Audio Connector belong to `TelephonyModule`. */
@RunnerPart('transports')
@Module({
  providers: [
    VonageVideoTransport,
    {
      provide: VONAGE_VIDEO_OPTIONS,
      useFactory: resolveVonageVideoOptions,
      inject: [MODULE_OPTIONS_TOKEN],
    },
  ],
})
export class VonageVideoModule extends ConfigurableModuleClass {
  // Overridden only to make the options optional: `VonageVideoModule.forRoot()`.
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0] = {}) {
    return super.forRoot(options);
  }

  /** Configures the transport from Pipecat's environment variables. Without all of them it is registered as disabled. */
  static fromEnv(env: NodeJS.ProcessEnv): DynamicModule | undefined {
    return this.forRoot({
      applicationId: env.VONAGE_APPLICATION_ID || undefined,
      sessionId: env.VONAGE_SESSION_ID || undefined,
      token: env.VONAGE_TOKEN || undefined,
    });
  }
}
