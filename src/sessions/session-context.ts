import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { MediaConnection } from '../media/media-connection.js';
import type { MediaStats } from '../media/media-transport.js';
import type { Session } from './session.js';

/**
 * Everything that belongs to a session and that the bot's arguments must not hold: functions, keys, counters. A transport that keeps more in
 * it declares the field: `declare module '…/session-context.js' { interface SessionContext { … } }`.
 */
export class SessionContext {
  /** Ends the call at its provider. Never rejects. */
  hangUp?: MediaConnection['hangUp'];
  /** Transfers the call at its provider. Never rejects. */
  transfer?: MediaConnection['transfer'];
  /** The counters of the media; `undefined` for a bot that has none through `createTransport`. */
  mediaStats?: MediaStats;
  /** True if `createTransport` was called. */
  isConnected = false;

  /** @param session `undefined` for arguments that a host made itself */
  constructor(readonly session?: Session) {}
}

/** The part of a context that a transport hands over when it launches a bot. */
export type HandOver = Pick<SessionContext, 'hangUp' | 'transfer'>;

const contexts = new WeakMap<RunnerArguments, SessionContext>();

/** Ties the arguments of a bot to the context of its session, for functions that are given only the arguments. */
export function bindContext(
  args: RunnerArguments,
  context: SessionContext,
  handOver: HandOver = {},
): void {
  contexts.set(args, Object.assign(context, handOver));
}

/** The context of the session that was launched with these arguments in this process; one without a session for any others. */
export function contextOf(args: RunnerArguments): SessionContext {
  const context = contexts.get(args) ?? new SessionContext();
  contexts.set(args, context);
  return context;
}
