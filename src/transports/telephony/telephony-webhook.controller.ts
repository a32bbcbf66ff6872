import { Header, HttpCode, Param, Post, Req, Res, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Access } from '../../auth/access.decorator.js';
import { RunnerError } from '../../errors/runner.error.js';
import { ApiRoute } from '../../http/api-route.decorator.js';
import { replyWith } from '../../http/http-response.js';
import {
  OfSession,
  OpensAnywhere,
  RunnerController,
  TakesOver,
} from '../../http/runner-controller.decorator.js';
import type { RunnerRequest } from '../../http/runner-request.js';
import { InvalidOptionsError } from '../../validation/options.js';
import type { Carriers } from './carriers/index.js';
import { XML } from './carriers/xml.js';
import { CallDocuments, DOCUMENTS } from './call-documents.js';
import { sessionBefore } from './call-resumption.js';
import { IncomingCalls } from './incoming-calls.js';

const ANY_FIELDS = { type: 'object', additionalProperties: true };

/**
 * Creates the controller of the carriers' webhooks for a path that the host chooses.
 *
 * @param path base path of the webhooks
 * @param carriers carriers of the runner
 * @param carrier the only carrier, served at `path`; unset, each is served at `<path>/<name>`
 */
export function telephonyWebhookController(
  path: string,
  carriers: Carriers,
  carrier?: string,
): Type<unknown> {
  const names = carriers.names.join(', ');
  if (carrier !== undefined && !carriers.find(carrier)) {
    throw new InvalidOptionsError('TelephonyModule', [`carrier must be one of ${names}`]);
  }
  @RunnerController(path)
  @Access('webhook')
  class TelephonyWebhookController {
    constructor(
      private readonly calls: IncomingCalls,
      private readonly documents: CallDocuments,
      private readonly adapterHost: HttpAdapterHost,
    ) {}

    /** Answers with the carrier's instructions to connect the call to the media WebSocket. */
    @Post(carrier === undefined ? ':carrier' : '')
    @OfSession(sessionBefore)
    @TakesOver()
    @OpensAnywhere()
    @HttpCode(200)
    @Header('cache-control', 'no-store')
    @ApiRoute({
      summary: "Answers a carrier's webhook for an incoming call",
      description:
        'Verifies the signature of the webhook where a key of the carrier is configured.',
      params: { carrier: { description: 'The carrier.', enum: [...carriers.names] } },
      body: { 'application/x-www-form-urlencoded': ANY_FIELDS, 'application/json': ANY_FIELDS },
      answers: {
        200: {
          description: 'Connects the call to the media WebSocket, or names its URL.',
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
        'NO_BOT',
      ],
    })
    async answer(
      @Req() request: RunnerRequest,
      @Res() response: unknown,
      @Param('carrier') asked: string | undefined,
    ): Promise<void> {
      const found = carriers.find(carrier ?? asked);
      if (!found) {
        throw new RunnerError('NOT_FOUND', `There is no such carrier; known are ${names}.`);
      }
      const { contentType, body } = await this.calls.answer(found, request);
      replyWith(this.adapterHost, response, contentType, body);
    }

    /** Serves a stored document to a carrier. */
    @Post(`${DOCUMENTS}/:id`)
    @HttpCode(200)
    @Header('cache-control', 'no-store')
    @ApiRoute({
      summary: 'Returns a document that continues a call',
      description: 'Fetched by Plivo for a call that the runner has placed or transferred.',
      params: { id: { description: 'The id of the document, from its URL.' } },
      body: { 'application/x-www-form-urlencoded': ANY_FIELDS, 'application/json': ANY_FIELDS },
      answers: {
        200: { description: 'The document.', content: { 'application/xml': { type: 'string' } } },
      },
      errors: ['NOT_FOUND'],
    })
    async document(@Res() response: unknown, @Param('id') id: string): Promise<void> {
      replyWith(this.adapterHost, response, XML, await this.documents.get(id));
    }
  }
  return TelephonyWebhookController;
}
