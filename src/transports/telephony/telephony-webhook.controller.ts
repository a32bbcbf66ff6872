import { Header, HttpCode, Inject, Param, Post, Req, Res, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Access } from '../../auth/access.decorator.js';
import { RunnerError } from '../../errors/runner.error.js';
import type { HttpRequest } from '../../http/http-request.js';
import { bodyOf } from '../../http/request-body.js';
import { RunnerController } from '../../http/runner-controller.decorator.js';
import { InvalidOptionsError } from '../../runner.options.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { TransportRegistry } from '../transport-registry.js';
import type { Carrier, WebhookAnswer } from './carriers/carrier.js';
import { carrierNamed, CARRIERS } from './carriers/index.js';
import { xmlAnswer } from './carriers/xml.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions, WebhookFields } from './telephony.options.js';
import { TelephonyTransport } from './telephony.transport.js';

const CARRIER_NAMES = CARRIERS.map(({ name }) => name).join(', ');

/**
 * Makes the controller that answers carriers' webhooks, for its path is the host's choice.
 *
 * @param path where the webhooks are
 * @param carrier the one carrier to answer at `path`; unset, each has `<path>/<its name>`
 */
export function telephonyWebhookController(path: string, carrier?: string): Type<unknown> {
  if (carrier !== undefined && !carrierNamed(carrier)) {
    throw new InvalidOptionsError('TelephonyModule', [`carrier must be one of ${CARRIER_NAMES}`]);
  }
  @RunnerController(path)
  @Access('open')
  class TelephonyWebhookController {
    constructor(
      @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
      private readonly transport: TelephonyTransport,
      private readonly transports: TransportRegistry,
      private readonly sessions: SessionRegistry,
      private readonly adapterHost: HttpAdapterHost,
    ) {}

    /** Tells the carrier to connect the call to the media WebSocket. */
    @Post(carrier === undefined ? ':carrier' : '')
    @HttpCode(200)
    @Header('cache-control', 'no-store')
    answer(
      @Req() request: HttpRequest,
      @Res() response: unknown,
      @Param('carrier') asked: string | undefined,
    ): void {
      const name = carrier ?? asked ?? '';
      const found = carrierNamed(name);
      if (!found) {
        throw new RunnerError('NOT_FOUND', `There is no such carrier; known are ${CARRIER_NAMES}.`);
      }
      this.transports.require(name);
      const answer = this.busyAnswer(found) ?? this.connectAnswer(found, request);
      const { httpAdapter } = this.adapterHost;
      httpAdapter.setHeader(response, 'content-type', answer.contentType);
      httpAdapter.reply(response, answer.body, 200);
    }

    private connectAnswer(carrier: Carrier, request: HttpRequest): WebhookAnswer {
      const { customParameters } = this.options;
      return carrier.webhookAnswer({
        wsUrl: this.transport.connectUrl(carrier.name, request),
        customParameters:
          typeof customParameters === 'function'
            ? customParameters(bodyOf(request) as WebhookFields, carrier.name)
            : customParameters,
        formats: this.options,
      });
    }

    /** To an HTTP error the carrier would say its own "an application error has occurred". */
    private busyAnswer({ name, busyXml }: Carrier): WebhookAnswer | undefined {
      if (busyXml === undefined || !this.sessions.refusal()) return undefined;
      return xmlAnswer(this.options.busyXml[name] ?? busyXml);
    }
  }
  return TelephonyWebhookController;
}
