import { ConfigurableModuleBuilder, type DynamicModule, Module } from '@nestjs/common';
import { parseIceServers } from '../small-webrtc/parse-ice-servers.js';
import type { SmallWebRtcOptions } from '../small-webrtc/small-webrtc.options.js';
import { webRtcProviders } from '../small-webrtc/webrtc-providers.js';
import { WhatsAppCalls } from './whatsapp-calls.js';
import { WhatsAppClient } from './whatsapp-client.js';
import { WhatsAppController } from './whatsapp.controller.js';
import {
  type ResolvedWhatsAppOptions,
  resolveWhatsAppOptions,
  WHATSAPP_OPTIONS,
  type WhatsAppOptions,
} from './whatsapp.options.js';
import { RunnerPart } from '../../validation/runner-part.decorator.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<WhatsAppOptions>({ moduleName: 'PipecatWhatsApp' })
    .setClassMethodName('forRoot')
    .build();

/** Transport module for WhatsApp calls to a business number. Requires the packages `werift` and `libopus-wasm`, for Python bots `pipecat-ai[webrtc]` instead. */
@RunnerPart('transports')
@Module({
  controllers: [WhatsAppController],
  providers: [
    WhatsAppCalls,
    WhatsAppClient,
    {
      provide: WHATSAPP_OPTIONS,
      useFactory: resolveWhatsAppOptions,
      inject: [MODULE_OPTIONS_TOKEN],
    },
    ...webRtcProviders({
      useFactory: ({ webRtc }: ResolvedWhatsAppOptions) => webRtc,
      inject: [WHATSAPP_OPTIONS],
    }),
  ],
})
export class WhatsAppModule extends ConfigurableModuleClass {
  /**
   * Configures the transport from Pipecat's environment variables: `WHATSAPP_TOKEN`, `WHATSAPP_PHONE_NUMBER_ID`, `WHATSAPP_APP_SECRET`,
   * `WHATSAPP_WEBHOOK_VERIFICATION_TOKEN`, `PIPECAT_ICE_SERVERS`.
   * @param extras `required`: throws when none of them is set
   */
  static fromEnv(
    env: NodeJS.ProcessEnv,
    { required = false, webRtc = {} }: { required?: boolean; webRtc?: SmallWebRtcOptions } = {},
  ): DynamicModule | undefined {
    const options = {
      token: env.WHATSAPP_TOKEN ?? '',
      phoneNumberId: env.WHATSAPP_PHONE_NUMBER_ID ?? '',
      appSecret: env.WHATSAPP_APP_SECRET ?? '',
      verifyToken: env.WHATSAPP_WEBHOOK_VERIFICATION_TOKEN ?? '',
    };
    if (!required && Object.values(options).every((value) => value === '')) return undefined;
    return this.forRoot({
      ...options,
      webRtc: { iceServers: parseIceServers(env.PIPECAT_ICE_SERVERS), ...webRtc },
    });
  }
}
