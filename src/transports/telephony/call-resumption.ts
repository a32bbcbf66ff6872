import { Inject, Injectable } from '@nestjs/common';
import { SessionEnd, type SessionEndCode } from '../../bot/session-end.js';
import type { AcceptedCall } from '../../calls/call-router.js';
import type { KnownCall } from '../../calls/call-routing.js';
import { Fleet } from '../../fleet/fleet.js';
import type { HttpRequest } from '../../http/http-request.js';
import { PublicUrls } from '../../http/public-url.js';
import type { SessionOf } from '../../http/runner-route.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../../runner.options.js';
import type { Session } from '../../sessions/session.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import { InvalidOptionsError } from '../../validation/options.js';
import type { Carrier } from './carriers/carrier.js';
import { splitQuery } from './carriers/received-request.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';

/** Query parameter of the webhook, and custom parameter of the bot: the id of the session that a call had before. */
export const RESUMED = 'resumed_session_id';
/** Query parameter of the webhook: how often its call was resumed. */
const COUNT = 'resume_count';
/** The most sessions that continue one call. */
const MAX_RESUMES = 3;

/** Ends on purpose, after which a call ends too. */
const ON_PURPOSE: readonly (SessionEndCode | undefined)[] = ['completed', 'stopped', 'too_long'];

/** Returns the session that a call had before, whose own node knows best what became of it. */
export const sessionBefore: SessionOf = ({ query }) => query[RESUMED];

/** Returns a call as a new one, without what the query of a resumed one names. */
export const asNew = (call: KnownCall): KnownCall => ({
  ...call,
  query: Object.fromEntries(
    Object.entries(call.query).filter(([name]) => name !== RESUMED && name !== COUNT),
  ),
});

/** A call that comes back to its webhook, since its media WebSocket is closed. */
export interface ResumedCall {
  /** Id of the session that it had before. */
  readonly sessionId: string;
  /** True if the conversation has ended on purpose. */
  readonly isOver: boolean;
  /** Decision about the call before, where the fleet knows it. */
  readonly accepted?: AcceptedCall;
}

/** Resumption of calls whose connection broke: the carrier asks the webhook again, and the call gets another session. */
@Injectable()
export class CallResumption {
  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly publicUrls: PublicUrls,
    private readonly sessions: SessionRegistry,
    private readonly fleet: Fleet,
    @Inject(RUNNER_OPTIONS) { sessionHistory }: ResolvedRunnerOptions,
  ) {
    if (options.resumeCalls && sessionHistory === 0) {
      throw new InvalidOptionsError('TelephonyModule', [
        'resumeCalls needs a sessionHistory above 0 of RunnerModule, which tells what has ended on purpose',
      ]);
    }
  }

  /** True for a carrier whose calls are resumed. */
  isOn({ webhook }: Carrier): boolean {
    return this.options.resumeCalls && webhook?.resume !== undefined;
  }

  /** Ends what is left of the session that a call had before; `undefined` for a new call, also one that names the session of another. @throws {RunnerError} */
  async of(carrier: Carrier, { callId, query }: KnownCall): Promise<ResumedCall | undefined> {
    const sessionId = query[RESUMED];
    if (!this.isOn(carrier) || sessionId === undefined || callId === undefined) return undefined;
    const own = this.sessions.get(sessionId);
    if (own && own.call?.callId !== callId) return undefined;
    if (own && own.state.name !== 'pending') {
      void own.end(new SessionEnd('peer_left', 'The carrier has lost its connection.'));
      return { sessionId, isOver: ON_PURPOSE.includes(own.ending?.code) };
    }
    const { code, terms, isOther } = await this.fleet.abandon(sessionId, callId);
    if (isOther) return undefined;
    // The terms are what such a decision was.
    const accepted = terms as AcceptedCall | undefined;
    return { sessionId, isOver: ON_PURPOSE.includes(code), accepted };
  }

  /** Returns the URL at which the carrier asks for what follows a session; `undefined` where it is to end the call. */
  urlAfter(
    session: Session,
    carrier: Carrier,
    request: HttpRequest,
    isResumed: boolean,
  ): string | undefined {
    if (!this.isOn(carrier)) return undefined;
    const [beforeQuery, query] = splitQuery(this.publicUrls.again(request, this.options.publicUrl));
    const parameters = new URLSearchParams(query);
    const count = (isResumed ? Number(parameters.get(COUNT) ?? 0) : 0) + 1;
    if (!(count <= MAX_RESUMES)) return undefined;
    parameters.set(RESUMED, session.id);
    parameters.set(COUNT, String(count));
    return `${beforeQuery}?${parameters.toString()}`;
  }
}
