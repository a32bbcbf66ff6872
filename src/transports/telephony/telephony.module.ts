import { type DynamicModule, Module } from '@nestjs/common';
import { CallDocuments } from './call-documents.js';
import { CallResumption } from './call-resumption.js';
import { CallTransfer } from './call-transfer.js';
import { CarrierAccess } from './carrier-access.js';
import { CarrierApis } from './carrier-apis.js';
import { Carriers } from './carriers/index.js';
import { IncomingCalls } from './incoming-calls.js';
import { OutboundCalls } from './outbound-calls.js';
import './telephony.media.js';
import { TelephonyGateway } from './telephony.gateway.js';
import { credentialsFromEnv } from './telephony-credentials.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type TelephonyExtras,
} from './telephony.module-definition.js';
import { resolveTelephonyOptions, type TelephonyOptions } from './telephony.options.js';
import { TelephonyTransport } from './telephony.transport.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import { webhookKeysFromEnv } from './webhook-keys.js';
import { WebhookVerifier } from './webhook-verifier.js';
import { RunnerPart } from '../../validation/runner-part.decorator.js';

/** Transport module for phone calls from Twilio, Telnyx, Plivo, Exotel, Vonage, Genesys and carriers of the host: webhooks, and media on `/ws`. */
@RunnerPart('transports')
@Module({
  providers: [
    TelephonyTransport,
    TelephonyGateway,
    CarrierAccess,
    CarrierApis,
    CallTransfer,
    CallResumption,
    CallDocuments,
    IncomingCalls,
    OutboundCalls,
    WebhookVerifier,
    {
      provide: TELEPHONY_OPTIONS,
      useFactory: resolveTelephonyOptions,
      inject: [MODULE_OPTIONS_TOKEN, Carriers],
    },
  ],
  exports: [OutboundCalls],
})
export class TelephonyModule extends ConfigurableModuleClass {
  // Overridden only to make the options optional: `TelephonyModule.forRoot()`.
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0] = {}) {
    return super.forRoot(options);
  }

  /** Configures the transport from Pipecat's environment variables. Always enabled: credentials are needed for hanging up and signatures only. */
  static fromEnv(
    env: NodeJS.ProcessEnv,
    more: TelephonyExtras &
      Pick<TelephonyOptions, 'evals' | 'openCarriers' | 'unknownCallers'> = {},
  ): DynamicModule | undefined {
    const carriers = new Carriers(more.carriers);
    return this.forRoot({
      credentials: credentialsFromEnv(env, carriers),
      webhookKeys: webhookKeysFromEnv(env, carriers),
      ...more,
    });
  }
}
