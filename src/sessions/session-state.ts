import type { Principal } from '../auth/runner-auth.js';
import type { CallData } from '../bot/call-data.js';
import type { SessionEnd } from '../bot/session-end.js';
import type { ResolvedRunnerOptions } from '../runner.options.js';

/** Phone call of a session, as far as known. */
export interface SessionCall {
  /** `inbound`: to the application; `outbound`: from the application. */
  readonly direction: 'inbound' | 'outbound';
  /** The caller's number. */
  readonly from?: string;
  /** Called number. */
  readonly to?: string;
  /** Call id of the carrier. */
  readonly callId?: string;
}

/** Merges the call data of the connection over what was known before. */
export const knownCall = ({ from, to, call_id }: CallData, before?: SessionCall): SessionCall => ({
  direction: before?.direction ?? 'inbound',
  from: before?.from ?? from,
  to: before?.to ?? to,
  callId: call_id ?? before?.callId,
});

/** Times of a session's transitions, in milliseconds since 1970. */
interface SessionTimes {
  /** Time at which the client connected, or the bot was launched without one. */
  readonly connectedAtMs?: number;
  /** Time at which the bot was launched. */
  readonly launchedAtMs?: number;
  /** Time at which the bot was ready. */
  readonly readyAtMs?: number;
}

/** State of a session's state machine, with its data. `ending` is the reason while a running bot is being stopped. */
export type SessionState = SessionTimes &
  (
    | { readonly name: 'pending' }
    | { readonly name: 'launching'; readonly sinceMs: number; readonly ending?: SessionEnd }
    | { readonly name: 'running'; readonly sinceMs: number; readonly ending?: SessionEnd }
    | { readonly name: 'ended'; readonly atMs: number; readonly reason: SessionEnd }
  );

/** Terms of a session. */
export interface SessionTerms {
  /** Wire name of the transport. */
  readonly transport: string;
  /** Body for the bot, unchanged. */
  readonly body?: unknown;
  /** Principal that owns it: `principalOf(request)`. */
  readonly principal?: Principal;
  /** Name of the bot, for a launcher with several: `session.bot`. */
  readonly bot?: string;
  /** Phone call of the session. */
  readonly call?: SessionCall;
  /** Accounts of its call, for its context on whichever node serves it; as JSON can hold them. */
  readonly credentials?: object;
  /** @internal Parameters that its carrier returns, for a session that continues the call. */
  readonly customParameters?: Readonly<Record<string, string>>;
  /** Longest duration from its launch, in milliseconds. @default the runner's `maxSessionDurationMs`, which is an upper bound */
  readonly maxDurationMs?: number;
  /** @internal W3C trace context of the start, on another node. */
  readonly traceparent?: string;
}

/** Time limits of a bot, in milliseconds. */
export type SessionLimits = Pick<
  ResolvedRunnerOptions,
  'maxSessionDurationMs' | 'readyTimeoutMs' | 'stopGraceMs'
>;

/** Releases a resource of a session. Receives the reason of the end, and runs exactly once. */
export type Cleanup = (reason: SessionEnd) => void | Promise<void>;
