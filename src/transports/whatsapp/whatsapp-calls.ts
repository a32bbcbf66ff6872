import { Injectable, type OnModuleInit } from '@nestjs/common';
import { CallData } from '../../bot/call-data.js';
import { SessionEnd } from '../../bot/session-end.js';
import { CallRefusedError } from '../../calls/call-router.js';
import {
  CallRouting,
  inboundCall,
  type KnownCall,
  sessionOfCall,
} from '../../calls/call-routing.js';
import { RunnerError } from '../../errors/runner.error.js';
import { isInstance, textOfThrown } from '../../errors/thrown.js';
import type { HangUpOutcome } from '../../media/media-connection.js';
import { InvalidOptionsError } from '../../validation/options.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import type { Session } from '../../sessions/session.js';
import { InvalidFieldsError } from '../../validation/invalid-fields.error.js';
import { Fleet } from '../../fleet/fleet.js';
import type { Offer } from '../small-webrtc/sdp.js';
import { WebRtcConnections } from '../small-webrtc/webrtc-connections.js';
import { TransportRegistry } from '../transport-registry.js';
import type { WhatsAppCall } from './dto/whatsapp-call.dto.js';
import { WhatsAppClient } from './whatsapp-client.js';

/** Transport name of the sessions of WhatsApp calls. */
const WHATSAPP = 'whatsapp';

/** A call from ringing to its end. */
interface OngoingCall {
  session?: Session;
  /** True when Meta has ended the call, so that hanging up is unnecessary. */
  over: boolean;
}

/** Lifecycle of WhatsApp calls: each is answered by a bot, until one of them hangs up. */
@Injectable()
export class WhatsAppCalls implements OnModuleInit {
  private readonly ongoing = new Map<string, OngoingCall>();

  constructor(
    private readonly client: WhatsAppClient,
    private readonly connections: WebRtcConnections,
    private readonly sessions: SessionRegistry,
    private readonly routing: CallRouting,
    private readonly fleet: Fleet,
    transports: TransportRegistry,
  ) {
    transports.registerOther();
  }

  onModuleInit(): void {
    const { disabledReason } = this.connections;
    if (disabledReason) throw new InvalidOptionsError('WhatsAppModule', [disabledReason]);
  }

  /**
   * Answers a call. Idempotent: a redelivered call gets the first answer. Rejects the call at capacity.
   * @returns the outcome
   * @throws {RunnerError} `INVALID_FIELDS` or `BAD_REQUEST` for its offer, `NO_BOT`, or Meta's refusal
   */
  ring(call: WhatsAppCall): Promise<string> {
    return this.fleet.once(`whatsapp ${call.id}`, () => this.answer(call));
  }

  /** True for a call of this node that is not over. */
  has(callId: string): boolean {
    return this.ongoing.has(callId);
  }

  /** Ends a call because the caller hung up. @returns the outcome */
  hungUp(callId: string): string {
    const call = this.ongoing.get(callId);
    if (!call) return 'The call is not known, or over.';
    call.over = true;
    void call.session?.end(new SessionEnd('peer_left', 'The caller hung up.'));
    return 'The call is over.';
  }

  private async answer(call: WhatsAppCall): Promise<string> {
    const offer = this.connections.read(offerOf(call));
    const ongoing: OngoingCall = { over: false };
    this.ongoing.set(call.id, ongoing);
    try {
      const known = knownCall(call);
      const accepted = await this.routing.route(known);
      if (ongoing.over) {
        this.ongoing.delete(call.id);
        return 'The caller hung up.';
      }
      const open = {
        transport: WHATSAPP,
        kind: 'peer' as const,
        isConnected: true,
        ...sessionOfCall(accepted),
        body: accepted.body ?? call,
        call: inboundCall(known),
      };
      await this.sessions.start(open, (session) => this.pickUp(session, call, offer, ongoing));
      return 'The call was answered.';
    } catch (error) {
      this.ongoing.delete(call.id);
      if (ongoing.over) return 'The caller hung up.';
      // Refusals such as at capacity are final: the caller is gone by the time of Meta's retry.
      const isRefused =
        isInstance(error, CallRefusedError) ||
        (isInstance(error, RunnerError) && error.retryAfterSeconds !== undefined);
      if (!isRefused) throw error;
      await this.client.reject(call.id);
      return `The call was rejected: ${error.message}`;
    }
  }

  private async pickUp(
    session: Session,
    call: WhatsAppCall,
    offer: Offer,
    ongoing: OngoingCall,
  ): Promise<void> {
    const { id, from = '', to } = call;
    ongoing.session = session;
    session.onEnd(() => void this.ongoing.delete(id));
    await this.fleet.alias(session, callAlias(id));
    await this.connections.open(session, {
      offer,
      adaptAnswer: withSha256Only,
      reply: async ({ sdp }) => {
        session.onEnd(async () => {
          if (!ongoing.over) await this.client.terminate(id);
        });
        await this.client.preAccept(id, from, sdp);
        await this.client.accept(id, from, sdp);
      },
      launch: (args, handOver) => {
        args.call_data = new CallData({ call_id: id, from: call.from, to });
        this.sessions.launch(session, args, {
          ...handOver,
          hangUp: () => this.hangUp(id, ongoing),
        });
      },
    });
  }

  private async hangUp(callId: string, ongoing: OngoingCall): Promise<HangUpOutcome> {
    try {
      if (ongoing.over) return { ok: true, via: 'connection' };
      await this.client.terminate(callId);
      ongoing.over = true;
      return { ok: true, via: 'api' };
    } catch (thrown) {
      return { ok: false, via: 'api', error: textOfThrown(thrown).message };
    }
  }
}

/** Returns the name of a call's session in the fleet. */
export const callAlias = (callId: string): string => `whatsapp call ${callId}`;

const knownCall = (call: WhatsAppCall): KnownCall => ({
  transport: WHATSAPP,
  stage: 'webhook',
  from: call.from,
  to: call.to,
  callId: call.id,
  fields: { ...call },
  query: {},
});

function offerOf({ session }: WhatsAppCall): string {
  if (session) return session.sdp;
  throw new InvalidFieldsError([
    { field: 'session', message: 'session must be the offer of a call that rings' },
  ]);
}

/** Removes fingerprints other than SHA-256, which WhatsApp refuses. */
const withSha256Only = (sdp: string): string =>
  sdp.replace(/^a=fingerprint:(?!sha-256 ).*\r?\n/gim, '');
