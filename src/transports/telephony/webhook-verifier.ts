import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { RunnerError } from '../../errors/runner.error.js';
import { isInstance, textOfThrown } from '../../errors/thrown.js';
import { RunnerServing } from '../../http/runner-serving.js';
import { PublicUrls } from '../../http/public-url.js';
import type { RunnerRequest } from '../../http/runner-request.js';
import { refusedWebhook } from '../../http/webhook-signature.js';
import type { Carrier } from './carriers/carrier.js';
import { Carriers } from './carriers/index.js';
import { CallRouter } from '../../calls/call-router.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';
import { webhookKeysOf } from './webhook-keys.js';

/** True for a router that looks up keys itself. A host may provide any object with a route() method. */
const hasKeys = (router: CallRouter): boolean =>
  'webhookKeys' in router && router.webhookKeys !== CallRouter.prototype.webhookKeys;

/** Verifies the signatures of carriers' webhooks, where keys are configured. */
@Injectable()
export class WebhookVerifier implements OnModuleInit {
  private readonly logger = new RunnerLogger('PipecatRunner');
  private readonly keys: ReadonlyMap<string, readonly string[]>;

  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly carriers: Carriers,
    private readonly publicUrls: PublicUrls,
    private readonly serving: RunnerServing,
    private readonly callRouter: CallRouter,
  ) {
    this.keys = webhookKeysOf(options.webhookKeys, options.credentials, carriers);
  }

  onModuleInit(): void {
    const open = this.carriers.all
      .filter(({ name, webhook }) => webhook?.signature && !this.keys.has(name))
      .map(({ name }) => name);
    if (this.options.webhookKeys === false || open.length === 0 || hasKeys(this.callRouter)) return;
    this.serving.onServing('webhookKeys', () =>
      this.logger.warn(
        `Webhooks of ${open.join(', ')} are taken from anyone: give TelephonyModule the webhookKeys to verify them with.`,
      ),
    );
  }

  /**
   * @param keys accepted keys @default those of the module
   * @throws {RunnerError} `UNAUTHORIZED`
   */
  verify(carrier: Carrier, request: RunnerRequest, keys = this.keys.get(carrier.name)): void {
    const signature = carrier.webhook?.signature;
    if (!keys || !signature) return;
    // Throws where the host has parsed the body without keeping it, which is not the webhook's fault.
    const body = request.rawBody;
    const urls = this.publicUrls.spellingsOf(request, this.options.publicUrl);
    try {
      signature.verify({ headers: request.headers, urls, body }, keys);
    } catch (error) {
      this.logger.warn(
        `A webhook of ${carrier.name} was refused: ${textOfThrown(error).message} If it was ${carrier.name}'s own, check publicUrl and webhookKeys of TelephonyModule.`,
      );
      if (isInstance(error, RunnerError)) throw error;
      throw refusedWebhook(
        `The key that webhooks of ${carrier.name} are signed with cannot be used`,
      );
    }
  }
}
