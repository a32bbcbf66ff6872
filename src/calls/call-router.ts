import type { Principal } from '../auth/runner-auth.js';
import type { TelephonyCredentials } from '../transports/telephony/telephony-credentials.js';

/** A call that has come in, as far as it is known when the {@link CallRouter} is asked. */
export interface IncomingCall {
  /** The transport that brings it: `twilio`, `telnyx`, `plivo`, `exotel`, `daily`, `livekit` or `whatsapp`. */
  readonly transport: string;
  /**
   * `webhook`: it rings, and can still be refused as busy. `connection`: it is connected already, by a carrier that has no webhook (Exotel) or
   * was configured with the media WebSocket itself; refusing it hangs up.
   */
  readonly stage: 'webhook' | 'connection';
  /** The caller's number. */
  readonly from?: string;
  /** The number that was dialled. */
  readonly to?: string;
  /** The carrier's id of the call. */
  readonly callId?: string;
  /** All that came: the fields of the webhook, or `call_data`. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The query of the URL that was called, such as `?tenant=acme`, put there where the webhook was configured. */
  readonly query: Readonly<Record<string, string>>;
  /** Aborts when the decision comes too late (`callRouterTimeoutMs`). */
  readonly signal: AbortSignal;
}

/** Takes a call. An empty object takes it as it is. */
export interface AcceptedCall {
  readonly refuse?: undefined;
  /** The bot that is to talk: `session.bot`, for a launcher that has several. */
  readonly bot?: string;
  /** The `args.body` of the bot. With Daily, fields beside those of its `DailyDialinRequest`. */
  readonly body?: unknown;
  /** Parameters for the carrier to hand back, beside those of the module's `customParameters`; found in `call_data.body`. */
  readonly customParameters?: Readonly<Record<string, string>>;
  /** The principal whose call it is: counted together with the other sessions of its `id` for `maxSessions`; `session.claims` are its `claims`. */
  readonly principal?: Principal;
  /** The longest the conversation may last, in milliseconds. @default the runner's `maxSessionDurationMs`, which holds in any case */
  readonly maxDurationMs?: number;
  /** The carrier's account that the call is on, for hanging up and transferring it. @default the module's `credentials` */
  readonly credentials?: TelephonyCredentials;
}

/** The way in which a call is refused: with the busy tone, as rejected, or by saying something and hanging up. */
export type CallRefusal = 'busy' | 'rejected' | { readonly say: string };

/** Refuses a call. */
export interface RefusedCall {
  readonly refuse: CallRefusal;
}

/** The decision about a call. */
export type CallDecision = AcceptedCall | RefusedCall;

/**
 * The host's decision about each phone call before it is answered, and the DI token under which the runner finds it:
 * `RunnerModule.forRoot({ callRouter: TenantRouter, imports: [TenantsModule] })`. Without one every call is taken.
 *
 * It is asked once for each call: when the carrier's webhook comes (Twilio, Telnyx, Plivo, Daily, LiveKit SIP, WhatsApp), or at the first messages
 * on `/ws` where there was none. The session is opened when it has decided, so the socket that the carrier then opens belongs to the decision.
 * When it throws, or takes longer than `callRouterTimeoutMs`, the caller hears that all lines are busy. Sessions that the host itself started
 * (`POST /start`, `SessionStarter`, `OutboundCalls`) are not routed.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class TenantRouter extends CallRouter {
 *   constructor(private readonly numbers: NumbersRepository) { super(); }
 *
 *   async route({ to }: IncomingCall): Promise<CallDecision> {
 *     const number = await this.numbers.findOneBy({ number: to });
 *     if (!number) return { refuse: 'rejected' };
 *     return { bot: number.bot, principal: { id: number.tenant, maxSessions: number.lines }, maxDurationMs: 600_000 };
 *   }
 * }
 * ```
 */
export abstract class CallRouter {
  /** Decides what becomes of a call. @param call as the carrier sent it; its signature has been verified where there are keys */
  abstract route(call: IncomingCall): CallDecision | Promise<CallDecision>;

  /**
   * The keys that the webhook of a call may be signed with, for hosts whose tenants have accounts of their own with a carrier: Twilio's or Plivo's auth token,
   * Telnyx' public key. Asked before anything of the call can be believed, so it should look up nothing but keys.
   *
   * @returns one or more keys; an empty list refuses the webhook with 401; `undefined` leaves it to the module's `webhookKeys`
   */
  webhookKeys(
    _call: IncomingCall,
  ): string | readonly string[] | undefined | Promise<string | readonly string[] | undefined> {
    return undefined;
  }
}

/** Takes every call. */
export class TakeEveryCall extends CallRouter {
  route(): AcceptedCall {
    return {};
  }
}
