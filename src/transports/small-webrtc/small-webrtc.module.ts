import { type DynamicModule, Module } from '@nestjs/common';
import { IceServers } from './ice-servers.js';
import { OfferController } from './offer.controller.js';
import { parseIceServers } from './parse-ice-servers.js';
import { PEER_STACK } from './peer-stack.token.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './small-webrtc.module-definition.js';
import {
  type ResolvedSmallWebRtcOptions,
  resolveSmallWebRtcOptions,
  SMALL_WEBRTC_OPTIONS,
  type SmallWebRtcOptions,
} from './small-webrtc.options.js';
import { SmallWebRtcTransport } from './small-webrtc.transport.js';
import { loadPeerStack } from './webrtc-packages.js';
import { WebRtcSessions } from './webrtc-sessions.js';

/** Browsers that connect to the bot itself. Needs the packages `werift` and `libopus-wasm`. */
@Module({
  controllers: [OfferController],
  providers: [
    SmallWebRtcTransport,
    WebRtcSessions,
    IceServers,
    {
      provide: PEER_STACK,
      useFactory: async ({ stack }: ResolvedSmallWebRtcOptions) => stack ?? (await loadPeerStack()),
      inject: [SMALL_WEBRTC_OPTIONS],
    },
    {
      provide: SMALL_WEBRTC_OPTIONS,
      useFactory: resolveSmallWebRtcOptions,
      inject: [MODULE_OPTIONS_TOKEN],
    },
  ],
})
export class SmallWebRtcModule extends ConfigurableModuleClass {
  // Overridden only to make the options optional: `SmallWebRtcModule.forRoot()`.
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0] = {}) {
    return super.forRoot(options);
  }

  /** This transport as Pipecat's environment variables imply it: `PIPECAT_ICE_SERVERS`. */
  static fromEnv(env: NodeJS.ProcessEnv, extras: SmallWebRtcOptions = {}): DynamicModule {
    return this.forRoot({ iceServers: parseIceServers(env.PIPECAT_ICE_SERVERS), ...extras });
  }
}
