import { timingSafeEqual } from 'node:crypto';
import { Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Access } from '../../auth/access.decorator.js';
import { sha256 } from '../../auth/runner-key.js';
import { RunnerError } from '../../errors/runner.error.js';
import { LogBudget } from '../../errors/log-budget.js';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { ApiRoute, json } from '../../http/api-route.decorator.js';
import { FleetRouter } from '../../http/fleet-router/fleet-router.js';
import { queryOf } from '../../http/http-request.js';
import { replyWith } from '../../http/http-response.js';
import { RunnerController } from '../../http/runner-controller.decorator.js';
import { RunnerRequest } from '../../http/runner-request.js';
import { validateInto } from '../../validation/validate-into.js';
import { WhatsAppCall } from './dto/whatsapp-call.dto.js';
import { WhatsAppAnswer, WhatsAppWebhook } from './dto/whatsapp-webhook.dto.js';
import { verifyMetaSignature } from './meta-signature.js';
import { callAlias, WhatsAppCalls } from './whatsapp-calls.js';
import { type ResolvedWhatsAppOptions, WHATSAPP_OPTIONS } from './whatsapp.options.js';

/** `/whatsapp`: webhook verification and call events of Meta. */
@RunnerController('whatsapp')
@Access('webhook')
export class WhatsAppController {
  private readonly log = new LogBudget(new RunnerLogger('PipecatRunner'));

  constructor(
    @Inject(WHATSAPP_OPTIONS) private readonly options: ResolvedWhatsAppOptions,
    private readonly calls: WhatsAppCalls,
    private readonly router: FleetRouter,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /** Answers Meta's webhook verification. */
  @Get()
  @ApiRoute({
    summary: "Answers Meta's webhook verification",
    query: {
      'hub.mode': { description: 'Always `subscribe`.' },
      'hub.verify_token': { description: 'The verify token shared with Meta.' },
      'hub.challenge': { description: 'The number to answer with.' },
    },
    answers: { 200: { description: 'The challenge.', content: json({ type: 'integer' }) } },
    errors: ['FORBIDDEN'],
  })
  verify(@Req() request: RunnerRequest, @Res() response: unknown): void {
    const query = queryOf(request);
    const challenge = query['hub.challenge'] ?? '';
    const isOurs =
      query['hub.mode'] === 'subscribe' &&
      // Compares hashes of equal length, in constant time.
      timingSafeEqual(sha256(query['hub.verify_token'] ?? ''), sha256(this.options.verifyToken));
    if (!isOurs || !/^\d{1,20}$/.test(challenge)) {
      throw new RunnerError(
        'FORBIDDEN',
        'This is not the question of the app that is set up here.',
      );
    }
    replyWith(this.adapterHost, response, 'application/json; charset=utf-8', challenge);
  }

  /** Handles call events; other events of Meta are ignored. */
  @Post()
  @HttpCode(200)
  @ApiRoute({
    summary: 'Answers a WhatsApp call, or ends one',
    description: 'The webhook must be signed by Meta.',
    body: json(WhatsAppWebhook),
    answers: { 200: { description: 'The webhook was accepted.', content: json(WhatsAppAnswer) } },
    errors: [
      'BAD_REQUEST',
      'UNAUTHORIZED',
      'INVALID_FIELDS',
      'NO_BOT',
      'PROVIDER_REFUSED',
      'PROVIDER_UNREACHABLE',
      'PROVIDER_TIMEOUT',
    ],
    models: [WhatsAppCall],
  })
  async take(@Req() request: RunnerRequest): Promise<WhatsAppAnswer> {
    verifyMetaSignature(request.headers, request.rawBody, this.options.appSecret);
    const { entry } = validateInto(WhatsAppWebhook, request.body);
    const messages: string[] = [];
    const calls = this.callsIn(entry);
    const elsewhere = calls.filter(({ id, event }) => event === 'terminate' && !this.calls.has(id));
    for (const call of calls) {
      if (call.event === 'connect') messages.push(await this.calls.ring(call));
      else if (call.event === 'terminate') messages.push(this.calls.hungUp(call.id));
    }
    await this.router.tellOwners(
      request,
      elsewhere.map(({ id }) => callAlias(id)),
    );
    return { status: 'success', message: messages.join(' ') || 'There is no call in it.' };
  }

  private callsIn(entry: unknown[]): WhatsAppCall[] {
    const { phoneNumberId } = this.options;
    let others = 0;
    const ours = entry.flatMap((one, i) =>
      listIn(one, 'changes').flatMap((change, j) => {
        const { field, value } = fieldsOf(change);
        if (field !== 'calls') return [];
        const calls = listIn(value, 'calls');
        const { phone_number_id: number } = fieldsOf(fieldsOf(value).metadata);
        if (calls.length > 0 && number !== phoneNumberId) {
          others += calls.length;
          return [];
        }
        return calls.map((call, k) =>
          validateInto(WhatsAppCall, call, `entry[${i}].changes[${j}].value.calls[${k}]`),
        );
      }),
    );
    if (others > 0) {
      this.log.warn(
        `${others} WhatsApp call(s) to another phone number than phoneNumberId; ignored`,
        'webhooks with WhatsApp calls to another phone number',
      );
    }
    return ours;
  }
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

function listIn(value: unknown, field: string): unknown[] {
  const list = fieldsOf(value)[field];
  return Array.isArray(list) ? list : [];
}
