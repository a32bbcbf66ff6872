import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { textOfThrown } from '../../errors/thrown.js';
import type { HttpRequest } from '../../http/http-request.js';
import { PublicUrls } from '../../http/public-url.js';
import { rawBodyOf } from '../../http/request-body.js';
import type { Carrier } from './carriers/carrier.js';
import { CARRIERS } from './carriers/index.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';
import { webhookKeysOf } from './webhook-keys.js';

/** Refuses webhooks that are not the carriers' own, where their keys are configured. */
@Injectable()
export class WebhookVerifier implements OnModuleInit {
  private readonly logger = new RunnerLogger('PipecatRunner');
  private readonly keys: ReadonlyMap<string, readonly string[]>;

  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly publicUrls: PublicUrls,
  ) {
    this.keys = webhookKeysOf(options.webhookKeys, options.credentials);
  }

  onModuleInit(): void {
    const open = CARRIERS.filter(
      ({ name, verifyWebhook }) => verifyWebhook && !this.keys.has(name),
    ).map(({ name }) => name);
    if (this.options.webhookKeys === false || open.length === 0) return;
    this.logger.warn(
      `Webhooks of ${open.join(', ')} are taken from anyone: give TelephonyModule the webhookKeys to verify them with.`,
    );
  }

  /** @throws {RunnerError} `UNAUTHORIZED` */
  verify(carrier: Carrier, request: HttpRequest): void {
    const keys = this.keys.get(carrier.name);
    if (!keys || !carrier.verifyWebhook) return;
    try {
      carrier.verifyWebhook(
        {
          headers: request.headers,
          urls: this.publicUrls.spellingsOf(request, this.options.publicUrl),
          body: rawBodyOf(request),
        },
        keys,
      );
    } catch (error) {
      this.logger.warn(
        `A webhook of ${carrier.name} was refused: ${textOfThrown(error).message} If it was ${carrier.name}'s own, check publicUrl and webhookKeys of TelephonyModule.`,
      );
      throw error;
    }
  }
}
