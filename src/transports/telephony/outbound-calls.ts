import { textOfThrown } from '../../errors/thrown.js';
import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/runner-auth.js';
import { SessionEnd, type SessionEndCode } from '../../bot/session-end.js';
import { type CallReservation, CallLimits } from '../../calls/call-limits.js';
import { CALL_TARGETS, type CallTarget, parseCallTarget } from '../../calls/call-target.js';
import { attempt } from '../../errors/attempt.js';
import { RunnerError } from '../../errors/runner.error.js';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { PublicUrls } from '../../http/public-url.js';
import { SessionRegistry } from '../../sessions/session-registry.js';
import type { SessionCall } from '../../sessions/session-state.js';
import type { Session } from '../../sessions/session.js';
import { waitsUntil } from '../../sessions/admission.js';
import { type InvalidField, InvalidFieldsError } from '../../validation/invalid-fields.error.js';
import {
  SessionStarter,
  type StartedSession,
  type StartSessionOptions,
  type StartTerms,
} from '../session-starter.js';
import { CallDocuments } from './call-documents.js';
import { type CarrierApi, CarrierApis, isCallId } from './carrier-apis.js';
import { Carriers } from './carriers/index.js';
import type { TelephonyCredentials } from './telephony-credentials.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';

/** Time to connect beyond the ring timeout, in milliseconds: carrier latency and the media WebSocket. */
const CONNECT_MARGIN_MS = 15_000;

/** Options of an outbound call. */
export interface OutboundCallOptions extends Pick<
  StartSessionOptions,
  'body' | 'bot' | 'maxDurationMs' | 'customParameters' | 'signal'
> {
  /** Wire name of the carrier: `twilio`, `telnyx` or `plivo`. */
  readonly carrier: string;
  /** Called number in E.164, or a SIP URI. */
  readonly to: string;
  /** Calling number of the account in E.164, or a SIP URI. */
  readonly from: string;
  /** Principal that owns the call. Its `id` is the tenant of `CallLimits`; its `maxSessions` and `claims` apply as for a session that it started. */
  readonly principal?: Principal;
  /** Ring timeout, in milliseconds, from 5 to 120 seconds. @default 30_000 */
  readonly ringTimeoutMs?: number;
  /** Carrier account. @default the module's `credentials` */
  readonly credentials?: TelephonyCredentials;
  /** Additional fields for the carrier's API, such as Twilio's `{ MachineDetection: 'Enable' }`. @default none */
  readonly extra?: Readonly<Record<string, string | number | boolean>>;
}

/** An outbound call that rings, or that the host places itself. */
export interface OutboundCall extends StartedSession {
  /** Document that connects the call to its session. */
  readonly xml: string;
  /** Call id from the carrier's API. Plivo returns the id of the request; Telnyx may return none. */
  readonly callId?: string;
}

/**
 * Outbound calls: opens a session, places a call through a carrier's REST API and connects it. `CallLimits` decides about destinations.
 *
 * The session ends as `expired` when nobody answers in time. Ending it while the phone rings (`DELETE /sessions/:id`, graceful
 * shutdown) cancels the call. Requires `publicUrl`, and the `credentials` of the carrier.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class Reminders {
 *   constructor(private readonly calls: OutboundCalls) {}
 *
 *   async remind({ id, tenant, phone }: Appointment): Promise<void> {
 *     const { ended } = await this.calls.dial({ carrier: 'twilio', to: phone, from: '+15550100', body: { id }, principal: { id: tenant } });
 *     const { code } = await ended; // 'completed', 'peer_left', 'expired' when nobody answered, …
 *   }
 * }
 * ```
 */
@Injectable()
export class OutboundCalls {
  constructor(
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly carriers: Carriers,
    private readonly starter: SessionStarter,
    private readonly sessions: SessionRegistry,
    private readonly limits: CallLimits,
    private readonly apis: CarrierApis,
    private readonly documents: CallDocuments,
    private readonly publicUrls: PublicUrls,
  ) {}

  /**
   * Places a call, at most once: without retries, since after a timeout the phone may ring all the same. Answering such a call hangs up.
   *
   * @returns when the carrier has accepted the call
   * @throws {CallLimitError} when a limit of the tenant is reached
   * @throws {ProviderError} when the carrier refuses or cannot be reached
   * @throws {RunnerError} `INVALID_FIELDS`, `NO_PUBLIC_URL`, `TRANSPORT_UNAVAILABLE` without credentials, or the errors of `POST /start`
   */
  async dial(options: OutboundCallOptions): Promise<OutboundCall> {
    const { carrier, credentials, extra = {} } = options;
    const asked = this.checked(options);
    const api = this.apis.of(carrier, credentials);
    if (!api) {
      throw new RunnerError(
        'TRANSPORT_UNAVAILABLE',
        `There are no credentials to place calls with ${carrier}: give them to TelephonyModule, or with the call.`,
      );
    }
    return this.start(options, async (call, session) => {
      const request = api.calls.placeCall({
        ...asked,
        xml: call.xml,
        urlOf: (xml) => this.documents.urlOf(xml),
        extra,
      });
      const callId = api.calls.placedCallId(await api.send(request, { repeatable: false }));
      if (!isCallId(callId)) return call;
      // The media WebSocket may have connected already, with more data.
      session.call = { callId, ...session.call! };
      session.onEnd(({ code }) => stopRinging(session, api, callId, code));
      return { ...call, callId };
    });
  }

  /**
   * Opens the session of a call that the host places itself, with the same limits. `xml` is Twilio's `Twiml`, Telnyx' `Texml` or the answer of
   * Plivo's `answer_url`.
   * @throws {RunnerError} as {@link dial}
   */
  async prepare(options: OutboundCallOptions): Promise<OutboundCall> {
    return this.start(options, (call) => call);
  }

  private async start(
    options: OutboundCallOptions,
    place: (call: OutboundCall, session: Session) => OutboundCall | Promise<OutboundCall>,
  ): Promise<OutboundCall> {
    const { carrier, to, from, body, bot, principal, maxDurationMs, customParameters } = options;
    const { ringTimeoutSeconds } = this.checked(options);
    const call: SessionCall = { direction: 'outbound', from, to };
    let session: Session | undefined;
    const reservation = await this.reserve(options, call, (message) => {
      void session?.end(new SessionEnd('too_long', message));
    });
    const terms: StartTerms = {
      principal,
      bot,
      call,
      credentials: options.credentials,
      maxDurationMs,
      connectTimeoutMs: ringTimeoutSeconds * 1_000 + CONNECT_MARGIN_MS,
      baseUrl: () => this.publicUrls.known(this.options.publicUrl),
      client: waitsUntil(options.signal),
    };
    try {
      return await this.starter.start({ transport: carrier, body }, terms, (started) => {
        session = started.context.session;
        session.whenConnected(() => attempt(() => reservation.answered(), logFailure));
        session.onEnd(() => reservation.ended());
        const { xml = '', ...facts } = this.starter.describe(started, customParameters);
        return place({ ...facts, xml }, session);
      });
    } catch (error) {
      if (!session) attempt(() => reservation.ended(), logFailure);
      throw error;
    }
  }

  private async reserve(
    { carrier, to, from, principal }: OutboundCallOptions,
    call: SessionCall,
    end: (message: string) => void,
  ): Promise<CallReservation> {
    try {
      return await this.limits.reserve({ tenant: principal?.id, carrier, to, from, end });
    } catch (error) {
      throw this.sessions.observers.refused(error, { transport: carrier, principal, call });
    }
  }

  /** @throws {InvalidFieldsError} */
  private checked({ carrier, to, from, ringTimeoutMs = 30_000 }: OutboundCallOptions): {
    readonly to: CallTarget;
    readonly from: CallTarget;
    readonly ringTimeoutSeconds: number;
  } {
    const calling = this.carriers.names.filter(
      (name) => this.carriers.find(name)?.callApi !== undefined,
    );
    const [toTarget, fromTarget] = [parseCallTarget(to), parseCallTarget(from)];
    const problems: InvalidField[] = [];
    const refuse = (field: string, accepted: string): void =>
      void problems.push({ field, message: `${field} must be ${accepted}` });
    if (!calling.includes(carrier)) refuse('carrier', `one of ${calling.join(', ')}`);
    if (!toTarget) refuse('to', CALL_TARGETS);
    if (!fromTarget) refuse('from', CALL_TARGETS);
    if (!(ringTimeoutMs >= 5_000 && ringTimeoutMs <= 120_000)) {
      refuse('ringTimeoutMs', 'a number of milliseconds from 5,000 to 120,000');
    }
    if (problems.length > 0 || !toTarget || !fromTarget) throw new InvalidFieldsError(problems);
    return { to: toTarget, from: fromTarget, ringTimeoutSeconds: Math.ceil(ringTimeoutMs / 1_000) };
  }
}

const logFailure = (thrown: unknown): void =>
  new RunnerLogger('PipecatRunner').error(`callLimits failed: ${textOfThrown(thrown).text}`);

/** Cancels a ringing call when its session ends. */
async function stopRinging(
  session: Session,
  api: CarrierApi,
  callId: string,
  code: SessionEndCode,
): Promise<void> {
  // The call was answered, or no longer rings.
  if (session.state.connectedAtMs !== undefined || code === 'expired') return;
  try {
    if (api.calls.cancelCall) await api.send(api.calls.cancelCall(callId));
    else await api.end(callId);
  } catch (error) {
    session.logger.warn(`the phone may go on ringing: ${textOfThrown(error).message}`);
  }
}
