import { fieldOf } from '../../errors/thrown.js';
import { HttpCode, Inject, Post, Req } from '@nestjs/common';
import { Access } from '../../auth/access.decorator.js';
import {
  CallRouting,
  inboundCall,
  type KnownCall,
  sessionOfCall,
} from '../../calls/call-routing.js';
import { CallData, sipHeaders } from '../../bot/call-data.js';
import { START_ERRORS } from '../../errors/runner.error.js';
import { ApiRoute, json } from '../../http/api-route.decorator.js';
import { OpensAnywhere, RunnerController } from '../../http/runner-controller.decorator.js';
import { RunnerRequest } from '../../http/runner-request.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { validateInto } from '../../validation/validate-into.js';
import { Fleet } from '../../fleet/fleet.js';
import { TransportRegistry } from '../transport-registry.js';
import { DailyRooms } from './daily-rooms.js';
import { DAILY_OPTIONS, type ResolvedDailyOptions } from './daily.options.js';
import { DailyTransport } from './daily.transport.js';
import { verifyDialinSignature } from './dialin-signature.js';
import {
  DailyDialinRequest,
  DialinSettings,
  DialinWebhook,
  DialinAnswer,
  DialinPingAnswer,
} from './dto/dialin.dto.js';
import { WarmRooms } from './warm-rooms.js';

/** `POST /daily-dialin-webhook`: answers a phone call on hold at Daily with a room and a bot. */
@RunnerController('daily-dialin-webhook')
@Access('webhook')
export class DialinController {
  constructor(
    @Inject(DAILY_OPTIONS) private readonly options: ResolvedDailyOptions,
    private readonly transport: DailyTransport,
    private readonly transports: TransportRegistry,
    private readonly rooms: DailyRooms,
    private readonly warmRooms: WarmRooms,
    private readonly sessions: SessionRegistry,
    private readonly routing: CallRouting,
    private readonly fleet: Fleet,
  ) {}

  /** Answers a call. Idempotent: a redelivered call gets the first answer. */
  @Post()
  @OpensAnywhere()
  @HttpCode(200)
  @ApiRoute({
    summary: 'Answers a phone call on hold at Daily with a room and a bot',
    description:
      'Where a secret is configured, the webhook must be signed by Daily. A body with `test` or `Test` only asks whether the webhook is there.',
    body: json(DialinWebhook),
    answers: {
      200: {
        description: 'Room and token for the call.',
        content: json([DialinAnswer, DialinPingAnswer]),
      },
    },
    errors: ['UNAUTHORIZED', 'CALL_REFUSED', 'INVALID_FIELDS', 'NO_DECISION', ...START_ERRORS],
  })
  async call(@Req() request: RunnerRequest): Promise<DialinAnswer | DialinPingAnswer> {
    const body = request.body;
    // Daily pings the webhook while it is being configured, before it has issued the secret.
    if (isPing(body)) return { status: 'OK' };
    if (this.options.dialinSecret !== undefined) {
      verifyDialinSignature(request.headers, request.rawBody, this.options.dialinSecret);
    }
    this.transports.require('daily');
    const webhook = validateInto(DialinWebhook, body);
    return this.fleet.once(`daily ${webhook.callId}`, () => this.answer(webhook, request.query));
  }

  private async answer(
    webhook: DialinWebhook,
    query: Record<string, string>,
  ): Promise<DialinAnswer> {
    const { callId, callDomain } = webhook;
    const [From, To] = [webhook.From || undefined, webhook.To || undefined];
    const call: KnownCall = {
      transport: 'daily',
      stage: 'webhook',
      from: From,
      to: To,
      callId,
      fields: { ...webhook },
      query,
    };
    const { body: more, ...accepted } = await this.routing.route(call);
    const request = new DailyDialinRequest({
      dialin_settings: new DialinSettings({
        call_id: callId,
        call_domain: callDomain,
        To,
        From,
        sip_headers: webhook.sipHeaders,
      }),
      daily_api_key: this.options.apiKey!,
      daily_api_url: this.options.apiUrl,
    });
    // Pipecat's bots expect the call at the top level, so the host's fields are merged beside it.
    const body = Object.assign(request, {
      ...(typeof more === 'object' && more),
      ...request,
    });
    const open = {
      ...sessionOfCall(accepted),
      transport: 'daily',
      kind: this.transport.kind,
      body,
      call: inboundCall(call),
    };
    return this.sessions.start(open, async (session) => {
      const meeting = this.warmRooms.take() ?? (await this.rooms.meetPhone(From));
      this.rooms.hold(session, meeting.roomName);
      const call_data = new CallData({
        call_id: callId,
        from: From,
        to: To,
        sip_headers: sipHeaders(Object.entries(webhook.sipHeaders ?? {})),
      });
      return {
        ...this.transport.launch(session, meeting, { call_data }),
        sessionId: session.id,
      };
    });
  }
}

function isPing(body: unknown): boolean {
  return Boolean(fieldOf(body, 'test')) || Boolean(fieldOf(body, 'Test'));
}
