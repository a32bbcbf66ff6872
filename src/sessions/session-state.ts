import type { Principal } from '../auth/runner-auth.js';
import type { SessionEnd } from '../bot/session-end.js';
import type { ResolvedRunnerOptions } from '../runner.options.js';

/** The phone call that a session is, as far as it is known. */
export interface SessionCall {
  /** `inbound`: somebody called the application; `outbound`: the application called somebody. */
  readonly direction: 'inbound' | 'outbound';
  /** The caller's number. */
  readonly from?: string;
  /** The number that was dialled. */
  readonly to?: string;
  /** The carrier's id of the call. */
  readonly callId?: string;
}

/** The times at which a session reached its states, in milliseconds since 1970. */
interface SessionTimes {
  /** The time at which its client connected, or its bot was launched without one. */
  readonly connectedAtMs?: number;
  /** The time at which its bot was launched. */
  readonly launchedAtMs?: number;
  /** The time at which its bot was ready. */
  readonly readyAtMs?: number;
}

/**
 * The state of a session, and what belongs to it. `ending` is the reason of an end that was asked for while the bot ran, and is still winding
 * down.
 */
export type SessionState = SessionTimes &
  (
    | { readonly name: 'pending' }
    | { readonly name: 'launching'; readonly sinceMs: number; readonly ending?: SessionEnd }
    | { readonly name: 'running'; readonly sinceMs: number; readonly ending?: SessionEnd }
    | { readonly name: 'ended'; readonly atMs: number; readonly reason: SessionEnd }
  );

/** The terms of a session. */
export interface SessionTerms {
  /** Wire name of the transport. */
  readonly transport: string;
  /** The body for the bot, as it came. */
  readonly body?: unknown;
  /** The principal that starts it: `principalOf(request)`. */
  readonly principal?: Principal;
  /** The one of the host's bots that is to talk: `session.bot`. */
  readonly bot?: string;
  /** The phone call it is for. */
  readonly call?: SessionCall;
  /** The longest it may last from its launch, in milliseconds. @default the runner's `maxSessionDurationMs`, which holds in any case */
  readonly maxDurationMs?: number;
}

/** The limits of a bot, in milliseconds. */
export type SessionLimits = Pick<
  ResolvedRunnerOptions,
  'maxSessionDurationMs' | 'readyTimeoutMs' | 'stopGraceMs'
>;

/** Frees something the session held. It is given the reason of the end, and runs exactly once. */
export type Cleanup = (reason: SessionEnd) => void | Promise<void>;
