import type { ParticipantInfo, WebhookEvent } from 'livekit-server-sdk';
import { HttpCode, Inject, Post, Req } from '@nestjs/common';
import { Access } from '../../auth/access.decorator.js';
import { START_ERRORS } from '../../errors/runner.error.js';
import { ApiRoute, json } from '../../http/api-route.decorator.js';
import { RunnerController } from '../../http/runner-controller.decorator.js';
import { RunnerRequest } from '../../http/runner-request.js';
import { Fleet } from '../../fleet/fleet.js';
import { FleetRouter } from '../../http/fleet-router/fleet-router.js';
import { TransportRegistry } from '../transport-registry.js';
import { LIVEKIT_OPTIONS, type ResolvedLiveKitOptions } from './livekit.options.js';
import { LiveKitServer } from './livekit-server.js';
import { LiveKitTransport, roomAlias } from './livekit.transport.js';
import { sipCallData } from './dto/livekit-runner-arguments.dto.js';

/** `ParticipantInfo.Kind` of livekit_models.proto. */
const KIND_STANDARD = 0;
const KIND_SIP = 3;
/** `DisconnectReason` values (livekit_models.proto) for a participant that is still connected elsewhere. */
const STILL_THERE = new Set<number>([2 /* DUPLICATE_IDENTITY */, 8 /* MIGRATION */]);

/** `POST /livekit-webhook`: room and participant events. The LiveKit server must be configured to send its webhooks here. */
@RunnerController('livekit-webhook')
@Access('webhook')
export class LiveKitWebhookController {
  constructor(
    @Inject(LIVEKIT_OPTIONS) private readonly options: ResolvedLiveKitOptions,
    private readonly server: LiveKitServer,
    private readonly transport: LiveKitTransport,
    private readonly transports: TransportRegistry,
    private readonly router: FleetRouter,
    private readonly fleet: Fleet,
  ) {}

  /** Ends sessions whose room closed or whose user, and all other people, left. Starts a session for a SIP call where `answerSipCalls` is set. */
  @Post()
  @HttpCode(200)
  @ApiRoute({
    summary: 'Receives the webhooks of a LiveKit server',
    description: 'The server signs it with the API key, in `Authorization`.',
    body: { 'application/webhook+json': { type: 'object', additionalProperties: true } },
    answers: {
      200: {
        description: 'The event was accepted.',
        content: json({
          type: 'object',
          required: ['status'],
          properties: { status: { type: 'string', enum: ['OK'] } },
        }),
      },
    },
    errors: ['UNAUTHORIZED', ...START_ERRORS],
  })
  async receive(@Req() request: RunnerRequest): Promise<{ status: 'OK' }> {
    this.transports.require('livekit');
    const { authorization } = request.headers;
    const webhook = await this.server.receiveWebhook(
      request.rawBody.toString('utf8'),
      authorization,
    );
    this.on(webhook);
    const { room, participant } = webhook;
    if (room && participant && !request.isPassedOn) {
      await this.onCaller(webhook, room.name, participant);
    }
    if (room) await this.router.tellOwners(request, [roomAlias(room.name)]);
    return { status: 'OK' };
  }

  private on({ event, room, participant }: WebhookEvent): void {
    if (room && participant) this.onParticipant(event, room.name, participant);
    else if (room && event === 'room_started') this.transport.roomStarted(room.name);
    else if (room && event === 'room_finished') {
      this.transport.end(room.name, 'The LiveKit room is finished.');
    }
  }

  /** Starts a session for a SIP call, once for all nodes. */
  private async onCaller(
    { event, id }: WebhookEvent,
    roomName: string,
    { identity, kind, attributes }: ParticipantInfo,
  ): Promise<void> {
    if (event !== 'participant_joined' || !this.options.answerSipCalls) return;
    if (Number(kind) !== KIND_SIP) return;
    const start = (): Promise<void> =>
      this.transport.startForCall(roomName, identity, sipCallData(attributes));
    await (id ? this.fleet.once(`livekit ${id}`, start) : start());
  }

  private onParticipant(
    event: string,
    roomName: string,
    { identity, kind, disconnectReason }: ParticipantInfo,
  ): void {
    if (event === 'participant_joined') {
      const isPerson = [KIND_SIP, KIND_STANDARD].includes(Number(kind));
      this.transport.joined(roomName, identity, isPerson);
    } else if (event === 'participant_left' || event === 'participant_connection_aborted') {
      if (STILL_THERE.has(disconnectReason)) return;
      this.transport.left(roomName, identity);
    }
  }
}
