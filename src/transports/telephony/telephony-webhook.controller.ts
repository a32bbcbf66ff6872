import { Header, HttpCode, Inject, Param, Post, Req, Res, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Access } from '../../auth/access.decorator.js';
import { RunnerError } from '../../errors/runner.error.js';
import { ApiRoute } from '../../http/api-route.decorator.js';
import type { HttpRequest } from '../../http/http-request.js';
import { bodyOf } from '../../http/request-body.js';
import { replyWith } from '../../http/http-response.js';
import { RunnerController } from '../../http/runner-controller.decorator.js';
import { InvalidOptionsError } from '../../validation/options.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { InvalidFieldsError } from '../../validation/invalid-fields.error.js';
import { TransportRegistry } from '../transport-registry.js';
import type { Carrier, WebhookAnswer } from './carriers/carrier.js';
import { carrierNamed, CARRIERS } from './carriers/index.js';
import { xmlAnswer } from './carriers/xml.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions, WebhookFields } from './telephony.options.js';
import { TelephonyTransport } from './telephony.transport.js';
import { WebhookVerifier } from './webhook-verifier.js';

const NAMES = CARRIERS.map(({ name }) => name);
const CARRIER_NAMES = NAMES.join(', ');

const ANY_FIELDS = { type: 'object', additionalProperties: true };

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
  @Access('webhook')
  class TelephonyWebhookController {
    constructor(
      @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
      private readonly transport: TelephonyTransport,
      private readonly transports: TransportRegistry,
      private readonly verifier: WebhookVerifier,
      private readonly sessions: SessionRegistry,
      private readonly adapterHost: HttpAdapterHost,
    ) {}

    /** Tells the carrier to connect the call to the media WebSocket. */
    @Post(carrier === undefined ? ':carrier' : '')
    @HttpCode(200)
    @Header('cache-control', 'no-store')
    @ApiRoute({
      summary: "Answers a carrier's webhook for an incoming call",
      description: 'Where the key of the carrier is configured, the webhook must be signed by it.',
      params: { carrier: { description: 'Who calls.', enum: NAMES } },
      body: { 'application/x-www-form-urlencoded': ANY_FIELDS, 'application/json': ANY_FIELDS },
      answers: {
        200: {
          description: 'Connects the call to the media WebSocket; Exotel is told where it is.',
          content: { 'application/xml': { type: 'string' }, 'application/json': ANY_FIELDS },
        },
      },
      errors: [
        'TRANSPORT_UNAVAILABLE',
        'UNAUTHORIZED',
        'NOT_FOUND',
        'INVALID_FIELDS',
        'AT_CAPACITY',
        'DRAINING',
      ],
    })
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
      this.verifier.verify(found, request);
      this.transports.require(name);
      const fields = fieldsOf(request);
      const answer = this.busyAnswer(found) ?? this.connectAnswer(found, fields, request);
      replyWith(this.adapterHost, response, answer.contentType, answer.body);
    }

    private connectAnswer(
      carrier: Carrier,
      fields: WebhookFields,
      request: HttpRequest,
    ): WebhookAnswer {
      const { customParameters: given } = this.options;
      // First, for it may throw, and the URL may come with a session.
      const customParameters = typeof given === 'function' ? given(fields, carrier.name) : given;
      return carrier.webhookAnswer({
        wsUrl: this.transport.connectUrl(carrier.name, request),
        customParameters: textsOf(customParameters),
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

function fieldsOf(request: HttpRequest): WebhookFields {
  const body = bodyOf(request);
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    return body as WebhookFields;
  }
  throw new InvalidFieldsError([
    { field: '', message: 'The webhook must be a form or a JSON object.' },
  ]);
}

/** Whoever sends the webhook may send something else where a text is due, and it is passed on. */
const textsOf = (parameters: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(parameters).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
