import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { Carrier } from './carriers/carrier.js';
import { Carriers } from './carriers/index.js';
import { telephonyWebhookController } from './telephony-webhook.controller.js';
import { joinPaths } from '../../http/runner-paths.js';
import { WEBHOOK_PATH } from './telephony-options.token.js';
import type { TelephonyOptions } from './telephony.options.js';

/** Options that decide which routes the module has. */
export interface TelephonyExtras {
  /**
   * Base path of the carriers' webhooks: `POST <webhookPath>/:carrier`, or with `carrier` set `POST <webhookPath>` itself.
   * @default 'telephony'
   */
  webhookPath?: string;
  /** The only carrier whose webhook is served. Unset, each has its own path. */
  carrier?: string;
  /**
   * Additional carriers from the host.
   * @default none
   */
  carriers?: readonly Carrier[];
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<TelephonyOptions>({ moduleName: 'PipecatTelephony' })
    .setClassMethodName('forRoot')
    .setExtras<TelephonyExtras>(
      // Nest separates extras from options by these keys.
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
