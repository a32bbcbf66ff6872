import { ConfigurableModuleBuilder, type DynamicModule, Module } from '@nestjs/common';
import { OfferController } from './offer.controller.js';
import { parseIceServers } from './parse-ice-servers.js';
import { resolveSmallWebRtcOptions, type SmallWebRtcOptions } from './small-webrtc.options.js';
import { SmallWebRtcTransport } from './small-webrtc.transport.js';
import { webRtcProviders } from './webrtc-providers.js';
import { WebRtcSessions } from './webrtc-sessions.js';
import { RunnerPart } from '../../validation/runner-part.decorator.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<SmallWebRtcOptions>({ moduleName: 'PipecatSmallWebRtc' })
    .setClassMethodName('forRoot')
    .build();

/** Transport module for WebRTC without a media server. Requires the packages `werift` and `libopus-wasm`, for Python bots `pipecat-ai[webrtc]` instead. */
@RunnerPart('transports')
@Module({
  controllers: [OfferController],
  providers: [
    SmallWebRtcTransport,
    WebRtcSessions,
    ...webRtcProviders({ useFactory: resolveSmallWebRtcOptions, inject: [MODULE_OPTIONS_TOKEN] }),
  ],
})
export class SmallWebRtcModule extends ConfigurableModuleClass {
  // Overridden only to make the options optional: `SmallWebRtcModule.forRoot()`.
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0] = {}) {
    return super.forRoot(options);
  }

  /** Configures the transport from Pipecat's environment variable `PIPECAT_ICE_SERVERS`. */
  static fromEnv(env: NodeJS.ProcessEnv, extras: SmallWebRtcOptions = {}): DynamicModule {
    return this.forRoot({ iceServers: parseIceServers(env.PIPECAT_ICE_SERVERS), ...extras });
  }
}
