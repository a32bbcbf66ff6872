import type { Principal } from '../auth/runner-auth.js';
import type { TelephonyCredentials } from '../transports/telephony/telephony-credentials.js';
import { RunnerError } from '../errors/runner.error.js';

/** An incoming call, with the data available when the {@link CallRouter} is asked. */
export interface IncomingCall {
  /** Wire name of the transport: `twilio`, `telnyx`, `plivo`, `exotel`, `daily`, `livekit` or `whatsapp`. */
  readonly transport: string;
  /**
   * `webhook`: the call rings and can still be refused as busy. `connection`: the call is already connected, by a carrier without webhook (Exotel) or
   * one configured with the media WebSocket; a refusal hangs up.
   */
  readonly stage: 'webhook' | 'connection';
  /** The caller's number. */
  readonly from?: string;
  /** Called number. */
  readonly to?: string;
  /** Call id of the carrier. */
  readonly callId?: string;
  /** Raw data: the fields of the webhook, or `call_data`. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Query of the webhook URL as configured at the carrier, such as `?tenant=acme`; that of a resumed call has `resumed_session_id` too. */
  readonly query: Readonly<Record<string, string>>;
  /** Aborts on timeout (`callRouterTimeoutMs`). */
  readonly signal: AbortSignal;
}

/** Accepts a call. All fields are optional. */
export interface AcceptedCall {
  readonly refuse?: undefined;
  /** Name of the bot, for a launcher with several: `session.bot`. */
  readonly bot?: string;
  /** `args.body` of the bot. For Daily, additional fields of its `DailyDialinRequest`. */
  readonly body?: unknown;
  /** Parameters that the carrier returns, in addition to the module's `customParameters`; in `call_data.body`. */
  readonly customParameters?: Readonly<Record<string, string>>;
  /** Principal that owns the call. Its `id` is counted for `maxSessions`; its `claims` become `session.claims`. */
  readonly principal?: Principal;
  /** Longest duration of the conversation, in milliseconds. @default the runner's `maxSessionDurationMs`, which is an upper bound */
  readonly maxDurationMs?: number;
  /** Carrier account of the call, for hanging up and transferring. @default the module's `credentials` */
  readonly credentials?: TelephonyCredentials;
}

/** Kind of refusal: busy signal, rejected, or a spoken text before hanging up. */
export type CallRefusal = 'busy' | 'rejected' | { readonly say: string };

/** Refuses a call. */
export interface RefusedCall {
  readonly refuse: CallRefusal;
}

/** Decision about a call. */
export type CallDecision = AcceptedCall | RefusedCall;

/**
 * Routing of incoming calls by the host, and its DI token: `RunnerModule.forRoot({ callRouter: TenantRouter, imports: [TenantsModule] })`. Without
 * one every call is accepted.
 *
 * Asked once per call before it is answered, and again for one that is resumed (`resumeCalls`): at the carrier's webhook (Twilio, Telnyx, Plivo, Daily,
 * LiveKit SIP, WhatsApp), or else at the handshake on `/ws`. The session is opened after the decision, and the carrier's media WebSocket is bound to it. An error or a timeout
 * (`callRouterTimeoutMs`) refuses the call as busy. Sessions started by the host (`POST /start`, `SessionStarter`, `OutboundCalls`) are not routed.
 */
export abstract class CallRouter {
  /** Decides about a call. @param call call data; the webhook's signature is verified where keys are configured */
  abstract route(call: IncomingCall): CallDecision | Promise<CallDecision>;

  /**
   * Returns the keys of a call's webhook signature, for hosts whose tenants have carrier accounts of their own: Twilio's or Plivo's auth token, Telnyx'
   * public key. Called before the webhook is verified, so it should only look up keys.
   * @returns one or more keys; an empty list refuses the webhook with 401; `undefined` applies the module's `webhookKeys`
   */
  webhookKeys(
    _call: IncomingCall,
  ): string | readonly string[] | undefined | Promise<string | readonly string[] | undefined> {
    return undefined;
  }
}

/** Accepts every call. */
export class TakeEveryCall extends CallRouter {
  route(): AcceptedCall {
    return {};
  }
}

/** A call refused by the host's `CallRouter`. */
export class CallRefusedError extends RunnerError {
  override readonly name = 'CallRefusedError';

  constructor(readonly refusal: CallRefusal) {
    super('CALL_REFUSED', 'The call was refused.');
  }
}
