import { Inject, Injectable } from '@nestjs/common';
import { type Principal, reaches } from '../../auth/runner-auth.js';
import { RunnerError } from '../../errors/runner.error.js';
import { type MaybePromise, SessionRegistry } from '../../sessions/session-registry.js';
import type { Session } from '../../sessions/session.js';
import { isObject } from '../../validation/is-object.js';
import { validateInto } from '../../validation/validate-into.js';
import { TransportRegistry } from '../transport-registry.js';
import { IceCandidate, type IceCandidates } from './dto/ice-candidates.dto.js';
import type { WebRtcAnswer } from './dto/webrtc-answer.dto.js';
import type { WebRtcOffer } from './dto/webrtc-offer.dto.js';
import type { Negotiator } from './negotiator.js';
import { forEsp32, type Offer } from './sdp.js';
import { type ResolvedSmallWebRtcOptions, SMALL_WEBRTC_OPTIONS } from './small-webrtc.options.js';
import { WebRtcConnections } from './webrtc-connections.js';

/** Wire name of the transport. */
export const WEBRTC = 'webrtc';

interface Known {
  readonly session: Session;
  readonly negotiator: Negotiator;
}

/** WebRTC signalling of sessions: offers and ICE candidates. */
@Injectable()
export class WebRtcSessions {
  /** Connections by their `pc_id`. */
  private readonly known = new Map<string, Known>();

  constructor(
    @Inject(SMALL_WEBRTC_OPTIONS) private readonly options: ResolvedSmallWebRtcOptions,
    private readonly connections: WebRtcConnections,
    private readonly sessions: SessionRegistry,
    private readonly transports: TransportRegistry,
  ) {}

  /** True for the id of a session that has not ended. */
  isKnown(sessionId: string): MaybePromise<boolean> {
    return this.sessions.isLive(sessionId);
  }

  /**
   * Answers an offer: renegotiates the connection that it names, or creates a new one with a bot.
   * @param sessionId the session from `/start`; without one a session is opened
   * @param newId id of the session to be opened. @default a UUID
   * @throws {RunnerError} `BAD_REQUEST`, `UNKNOWN_SESSION`, `WRONG_STATE` when the session has its client, and the refusals of a new session
   */
  async offer(
    request: WebRtcOffer,
    principal: Principal | undefined,
    sessionId?: string,
    newId?: string,
  ): Promise<WebRtcAnswer> {
    this.transports.require(WEBRTC);
    const offer = this.connections.read(request.sdp);
    const known = this.find(request.pc_id, principal, sessionId);
    if (known) return known.negotiator.renegotiate(offer, request.restart_pc);
    if (this.options.connectionMode === 'single' && this.known.size > 0) {
      throw new RunnerError('BAD_REQUEST', 'This bot talks to one client at a time, and has one.');
    }
    const body = bodyOf(request);
    if (sessionId === undefined) {
      if (newId !== undefined && this.sessions.history.get(newId)) {
        throw new RunnerError('WRONG_STATE', 'This session has ended; start another one.');
      }
      const open = { transport: WEBRTC, kind: 'peer' as const, body, principal, id: newId };
      return this.sessions.start(open, (session) => this.begin(session, offer));
    }
    const session = await this.claim(sessionId, principal);
    if (body !== undefined) session.body = body;
    try {
      return await this.begin(session, offer);
    } catch (error) {
      throw this.sessions.refuse(session, error, 'The offer could not be answered.');
    }
  }

  /**
   * Adds the ICE candidates of a client (trickle ICE).
   * @throws {RunnerError} `NOT_FOUND` for an unknown connection, `INVALID_FIELDS`, or `BAD_REQUEST` for a malformed candidate
   */
  addCandidates(
    { pc_id, candidates }: IceCandidates,
    principal: Principal | undefined,
    sessionId?: string,
  ): void {
    const known = this.find(pc_id, principal, sessionId);
    if (!known) throw new RunnerError('NOT_FOUND', 'There is no connection with this pc_id.');
    const valid = candidates.map((one, i) => validateInto(IceCandidate, one, `candidates[${i}]`));
    for (const { candidate, sdp_mid, sdp_mline_index } of valid) {
      known.negotiator.addCandidate(candidate, { mid: sdp_mid, index: sdp_mline_index });
    }
  }

  private find(
    pcId: string | undefined,
    principal: Principal | undefined,
    sessionId: string | undefined,
  ): Known | undefined {
    const known = this.known.get(pcId ?? '');
    if (!known || !reaches(principal, known.session.principal)) return undefined;
    return sessionId === undefined || known.session.id === sessionId ? known : undefined;
  }

  private async claim(sessionId: string, principal: Principal | undefined): Promise<Session> {
    const isHere = this.sessions.get(sessionId) !== undefined;
    if (isHere) this.sessions.require(sessionId, principal);
    const session = await this.sessions.claim(sessionId, [WEBRTC], principal);
    if (session) return session;
    if (!isHere) this.sessions.require(sessionId, principal);
    throw new RunnerError('WRONG_STATE', 'This session has its client; start another one.');
  }

  private begin(session: Session, offer: Offer): Promise<WebRtcAnswer> {
    const { esp32Host } = this.options;
    return this.connections.open(session, {
      offer,
      adaptAnswer: (sdp) => (esp32Host === undefined ? sdp : forEsp32(sdp, esp32Host)),
      reply: (answer, negotiator) => {
        this.known.set(answer.pc_id, { session, negotiator });
        session.onEnd(() => void this.known.delete(answer.pc_id));
        return answer;
      },
      launch: (args, handOver) => this.sessions.launch(session, args, handOver),
    });
  }
}

/** Returns the request data of an offer. An empty object, which the Android client always sends, is none. */
const bodyOf = ({ request_data, requestData }: WebRtcOffer): unknown =>
  [request_data, requestData].find(
    (data) => data != null && !(isObject(data) && Object.keys(data).length === 0),
  );
