import { HttpCode, Param, Patch, Post, Req } from '@nestjs/common';
import type { HttpRequest } from '../../http/http-request.js';
import { bodyOf } from '../../http/request-body.js';
import { RunnerController } from '../../http/runner-controller.decorator.js';
import { validateInto } from '../../validation/validate-into.js';
import { IceCandidates } from './dto/ice-candidates.dto.js';
import { WebRtcOffer } from './dto/webrtc-offer.dto.js';
import type { WebRtcAnswer } from './small-webrtc-connection.js';
import { WebRtcSessions } from './webrtc-sessions.js';

/** Where WebRTC clients send their offers, and the ways on which they can be reached. */
@RunnerController()
export class OfferController {
  constructor(private readonly sessions: WebRtcSessions) {}

  /** An offer of a client that did not call `/start`, or that changes its connection. */
  @Post('api/offer')
  @HttpCode(200)
  offer(@Req() request: HttpRequest): Promise<WebRtcAnswer> {
    return this.sessions.offer(validateInto(WebRtcOffer, bodyOf(request)));
  }

  @Patch('api/offer')
  candidates(@Req() request: HttpRequest): { status: 'success' } {
    return this.take(request);
  }

  /** An offer for the session that `/start` announced. */
  @Post('sessions/:sessionId/api/offer')
  @HttpCode(200)
  offerForSession(
    @Req() request: HttpRequest,
    @Param('sessionId') sessionId: string,
  ): Promise<WebRtcAnswer> {
    return this.sessions.offer(validateInto(WebRtcOffer, bodyOf(request)), sessionId);
  }

  @Patch('sessions/:sessionId/api/offer')
  candidatesForSession(
    @Req() request: HttpRequest,
    @Param('sessionId') sessionId: string,
  ): { status: 'success' } {
    return this.take(request, sessionId);
  }

  private take(request: HttpRequest, sessionId?: string): { status: 'success' } {
    this.sessions.addCandidates(validateInto(IceCandidates, bodyOf(request)), sessionId);
    return { status: 'success' };
  }
}
