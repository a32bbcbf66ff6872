import { applyDecorators, HttpCode, Param, Patch, Post, Req } from '@nestjs/common';
import { Access } from '../../auth/access.decorator.js';
import { START_ERRORS } from '../../errors/runner.error.js';
import { ApiRoute, json } from '../../http/api-route.decorator.js';
import { RunnerController } from '../../http/runner-controller.decorator.js';
import { RunnerRequest } from '../../http/runner-request.js';
import { validateInto } from '../../validation/validate-into.js';
import { IceCandidates } from './dto/ice-candidates.dto.js';
import { CandidatesAnswer, WebRtcAnswer } from './dto/webrtc-answer.dto.js';
import { WebRtcOffer } from './dto/webrtc-offer.dto.js';
import { WebRtcSessions } from './webrtc-sessions.js';

const SESSION = { id: { description: 'The session that `/start` announced.' } };

/** A route that takes offers. @param ofSession whether it names the session they are for */
const TakesOffers = (path: string, ofSession: boolean): MethodDecorator =>
  applyDecorators(
    Post(path),
    Access(ofSession ? 'session' : 'start'),
    HttpCode(200),
    ApiRoute({
      summary: ofSession ? 'Answers the offer for a session' : 'Answers a WebRTC offer',
      description:
        'Without a `pc_id` that is known there is a new connection, with a bot. Candidates may follow.',
      ...(ofSession && { params: SESSION }),
      body: json(WebRtcOffer),
      answers: { 200: { description: 'The answer.', content: json(WebRtcAnswer) } },
      errors: [
        'BAD_REQUEST',
        'INVALID_FIELDS',
        ...(ofSession ? (['UNKNOWN_SESSION'] as const) : []),
        'WRONG_STATE',
        ...START_ERRORS,
      ],
    }),
  );

const TakesCandidates = (path: string, ofSession: boolean): MethodDecorator =>
  applyDecorators(
    Patch(path),
    Access('session'),
    ApiRoute({
      summary: `Takes ways to reach ${ofSession ? "a session's" : 'a'} client`,
      ...(ofSession && { params: SESSION }),
      body: json(IceCandidates),
      answers: { 200: { description: 'They were taken.', content: json(CandidatesAnswer) } },
      errors: ['BAD_REQUEST', 'NOT_FOUND', 'INVALID_FIELDS'],
    }),
  );

/** Where WebRTC clients send their offers, and the ways on which they can be reached. */
@RunnerController()
export class OfferController {
  constructor(private readonly sessions: WebRtcSessions) {}

  /** An offer of a client that did not call `/start`, or that changes its connection. */
  @TakesOffers('api/offer', false)
  offer(@Req() request: RunnerRequest): Promise<WebRtcAnswer> {
    return this.sessions.offer(validateInto(WebRtcOffer, request.body), request.principal);
  }

  @TakesCandidates('api/offer', false)
  candidates(@Req() request: RunnerRequest): CandidatesAnswer {
    return this.take(request);
  }

  /** An offer for the session that `/start` announced. */
  @TakesOffers('sessions/:id/api/offer', true)
  offerForSession(@Req() request: RunnerRequest, @Param('id') id: string): Promise<WebRtcAnswer> {
    return this.sessions.offer(validateInto(WebRtcOffer, request.body), request.principal, id);
  }

  @TakesCandidates('sessions/:id/api/offer', true)
  candidatesForSession(@Req() request: RunnerRequest, @Param('id') id: string): CandidatesAnswer {
    return this.take(request, id);
  }

  private take(request: RunnerRequest, sessionId?: string): CandidatesAnswer {
    const candidates = validateInto(IceCandidates, request.body);
    this.sessions.addCandidates(candidates, request.principal, sessionId);
    return { status: 'success' };
  }
}
