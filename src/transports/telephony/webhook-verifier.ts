import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LogBudget } from '../../errors/log-budget.js';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { RunnerError } from '../../errors/runner.error.js';
import { isInstance, textOfThrown } from '../../errors/thrown.js';
import { PublicUrls } from '../../http/public-url.js';
import type { RunnerRequest } from '../../http/runner-request.js';
import { refusedWebhook } from '../../http/webhook-signature.js';
import type { Carrier } from './carriers/carrier.js';
import { CarrierAccess } from './carrier-access.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';

/** Verifies the signatures of carriers' webhooks, where keys are configured. */
@Injectable()
export class WebhookVerifier {
  private readonly log = new LogBudget(new RunnerLogger('PipecatRunner'));

  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly access: CarrierAccess,
    private readonly publicUrls: PublicUrls,
  ) {}

  /**
   * @param keys accepted keys @default those of the module
   * @returns a key that each delivery of this webhook has, and no other webhook; `undefined` where there is none
   * @throws {RunnerError} `UNAUTHORIZED`
   */
  verify(
    carrier: Carrier,
    request: RunnerRequest,
    keys = this.access.keys.get(carrier.name),
  ): string | undefined {
    const signature = carrier.webhook?.signature;
    if (!keys || !signature) {
      this.access.requireOpen(carrier.name);
      return undefined;
    }
    // Throws where the host has parsed the body without keeping it, which is not the webhook's fault.
    const body = request.rawBody;
    const urls = this.publicUrls.spellingsOf(request, this.options.publicUrl);
    try {
      signature.verify({ headers: request.headers, urls, body }, keys);
    } catch (error) {
      this.log.warn(
        `A webhook of ${carrier.name} was refused: ${textOfThrown(error).message} If it was ${carrier.name}'s own, check publicUrl and webhookKeys of TelephonyModule.`,
        `refused webhooks of ${carrier.name}`,
      );
      if (isInstance(error, RunnerError)) throw error;
      throw refusedWebhook(
        `The key that webhooks of ${carrier.name} are signed with cannot be used`,
      );
    }
    const { deliveryHeader } = signature;
    const delivery = deliveryHeader && request.headers[deliveryHeader];
    if (!delivery) return undefined;
    const hash = createHash('sha256').update(String(delivery)).digest('base64url');
    return `webhook ${carrier.name} ${hash}`;
  }
}
