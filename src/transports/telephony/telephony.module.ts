import { type DynamicModule, Module } from '@nestjs/common';
import { TelephonyGateway } from './telephony.gateway.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './telephony.module-definition.js';
import { resolveTelephonyOptions } from './telephony.options.js';
import { TelephonyTransport } from './telephony.transport.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';

/** Phone calls from Twilio, Telnyx, Plivo and Exotel: their webhooks, and their media on `/ws`. */
@Module({
  providers: [
    TelephonyTransport,
    TelephonyGateway,
    {
      provide: TELEPHONY_OPTIONS,
      useFactory: resolveTelephonyOptions,
      inject: [MODULE_OPTIONS_TOKEN],
    },
  ],
})
export class TelephonyModule extends ConfigurableModuleClass {
  // Overridden only to make the options optional: `TelephonyModule.forRoot()`.
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0] = {}) {
    return super.forRoot(options);
  }

  /** This transport as Pipecat's environment variables imply it: always there, for accepting calls needs no credentials. */
  static fromEnv(_env: NodeJS.ProcessEnv): DynamicModule | undefined {
    return this.forRoot();
  }
}
