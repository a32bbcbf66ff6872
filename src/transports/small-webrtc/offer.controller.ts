import { applyDecorators, HttpCode, Param, Patch, Post, Req } from '@nestjs/common';
import { Access } from '../../auth/access.decorator.js';
import { OwnPrincipal, ownerOf, RunnerAuth } from '../../auth/runner-auth.js';
import { RunnerError, START_ERRORS } from '../../errors/runner.error.js';
import { ApiRoute, json } from '../../http/api-route.decorator.js';
import { OfSession, RunnerController } from '../../http/runner-controller.decorator.js';
import { RunnerRequest } from '../../http/runner-request.js';
import type { SessionOf } from '../../http/runner-route.js';
import { validateInto } from '../../validation/validate-into.js';
import { IceCandidates } from './dto/ice-candidates.dto.js';
import { CandidatesAnswer, WebRtcAnswer } from './dto/webrtc-answer.dto.js';
import { OfferQuery, WebRtcOffer } from './dto/webrtc-offer.dto.js';
import { sessionIdOfPcId } from './pc-id.js';
import { WebRtcSessions } from './webrtc-sessions.js';

const SESSION = { id: { description: 'The session from `/start`.' } };
const SESSION_ID = {
  session_id: {
    description:
      'The session id of the bot: of a session from `/start`, or for a new one, where the key is not of a tenant. 1 to 64 of A-Z a-z 0-9 _ -.',
    schema: { type: 'string', pattern: '^[\\w-]{1,64}$' },
  },
};

const sessionOfCandidates: SessionOf = (request) => sessionIdOfPcId(request.bodyOr({}));

/** An offer belongs to the connection that it names, or to the session that its query does. */
const sessionOfOffer: SessionOf = (request) =>
  sessionIdOfPcId(request.bodyOr({})) ?? request.query.session_id;

/** Route for WebRTC offers. @param ofSession true when its path names the session */
const OfferRoute = (path: string, ofSession: boolean): MethodDecorator =>
  applyDecorators(
    Post(path),
    Access(ofSession ? 'session' : 'start'),
    ofSession ? OfSession() : OfSession(sessionOfOffer),
    HttpCode(200),
    ApiRoute({
      summary: ofSession ? 'Answers the WebRTC offer of a session' : 'Answers a WebRTC offer',
      description:
        'A known `pc_id` renegotiates its connection; otherwise a new connection with a bot is created. ICE candidates may follow (trickle ICE).',
      ...(ofSession ? { params: SESSION } : { query: SESSION_ID }),
      body: json(WebRtcOffer),
      answers: { 200: { description: 'The answer.', content: json(WebRtcAnswer) } },
      errors: [
        'BAD_REQUEST',
        'INVALID_FIELDS',
        'UNKNOWN_SESSION',
        'WRONG_STATE',
        'BOT_FAILED',
        'NOT_READY',
        ...START_ERRORS,
      ],
    }),
  );

const CandidatesRoute = (path: string, ofSession: boolean): MethodDecorator =>
  applyDecorators(
    Patch(path),
    Access('session'),
    ofSession ? OfSession() : OfSession(sessionOfCandidates),
    ApiRoute({
      summary: `Adds ICE candidates of ${ofSession ? "a session's" : 'a'} client (trickle ICE)`,
      ...(ofSession && { params: SESSION }),
      body: json(IceCandidates),
      answers: {
        200: { description: 'The candidates were added.', content: json(CandidatesAnswer) },
      },
      errors: ['BAD_REQUEST', 'NOT_FOUND', 'INVALID_FIELDS'],
    }),
  );

/** WebRTC signalling: offers, renegotiation and trickle ICE. */
@RunnerController()
export class OfferController {
  constructor(
    private readonly sessions: WebRtcSessions,
    private readonly auth: RunnerAuth,
  ) {}

  /** Answers an offer without `/start`, or a renegotiation. */
  @OfferRoute('api/offer', false)
  async offer(@Req() request: RunnerRequest): Promise<WebRtcAnswer> {
    const offer = validateInto(WebRtcOffer, request.body);
    const { session_id: id } = validateInto(OfferQuery, request.query);
    if (id === undefined) return this.sessions.offer(offer, request.principal);
    // As at the session's own route, and for an unknown id too: the answers must not tell which ones exist.
    const authorized = await this.auth.authorize({ access: 'session', request, sessionId: id });
    if (!authorized) {
      throw new RunnerError('UNAUTHORIZED', 'A valid key for this session is needed here.');
    }
    const principal = OwnPrincipal.of(authorized);
    // A tenant that could take a free id would learn which ones are taken.
    const isTenant = [principal, request.principal].some((one) => ownerOf(one) !== undefined);
    return isTenant || (await this.sessions.isKnown(id))
      ? this.sessions.offer(offer, principal, id)
      : this.sessions.offer(offer, request.principal, undefined, id);
  }

  @CandidatesRoute('api/offer', false)
  candidates(@Req() request: RunnerRequest): CandidatesAnswer {
    return this.take(request);
  }

  /** Answers an offer for a session from `/start`. */
  @OfferRoute('sessions/:id/api/offer', true)
  offerForSession(@Req() request: RunnerRequest, @Param('id') id: string): Promise<WebRtcAnswer> {
    return this.sessions.offer(validateInto(WebRtcOffer, request.body), request.principal, id);
  }

  @CandidatesRoute('sessions/:id/api/offer', true)
  candidatesForSession(@Req() request: RunnerRequest, @Param('id') id: string): CandidatesAnswer {
    return this.take(request, id);
  }

  private take(request: RunnerRequest, sessionId?: string): CandidatesAnswer {
    const candidates = validateInto(IceCandidates, request.body);
    this.sessions.addCandidates(candidates, request.principal, sessionId);
    return { status: 'success' };
  }
}
