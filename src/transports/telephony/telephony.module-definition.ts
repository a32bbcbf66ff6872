import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { Carrier } from './carriers/carrier.js';
import { Carriers } from './carriers/index.js';
import { telephonyWebhookController } from './telephony-webhook.controller.js';
import { joinPaths } from '../../http/runner-paths.js';
import { WEBHOOK_PATH } from './telephony-options.token.js';
import type { TelephonyOptions } from './telephony.options.js';

/** What shapes the module's routes. */
export interface TelephonyExtras {
  /**
   * Where the carriers' webhooks are: `POST <webhookPath>/:carrier`, or with `carrier` set `POST <webhookPath>` itself.
   * @default 'telephony'
   */
  webhookPath?: string;
  /** The one carrier whose webhook is answered; unset, each has a path of its own. */
  carrier?: string;
  /**
   * Carriers of the host's own, beside the built-in ones.
   * @default none
   */
  carriers?: readonly Carrier[];
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<TelephonyOptions>({ moduleName: 'PipecatTelephony' })
    .setClassMethodName('forRoot')
    .setExtras<TelephonyExtras>(
      // Nest tells extras from options by the keys listed here.
      { webhookPath: undefined, carrier: undefined, carriers: undefined },
      (definition, { webhookPath = 'telephony', carrier, carriers }) => {
        const all = new Carriers(carriers);
        return {
          ...definition,
          providers: [
            ...(definition.providers ?? []),
            { provide: WEBHOOK_PATH, useValue: joinPaths(webhookPath).slice(1) },
            { provide: Carriers, useValue: all },
          ],
          controllers: [telephonyWebhookController(webhookPath, all, carrier)],
        };
      },
    )
    .build();
