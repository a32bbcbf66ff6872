import type { BotPeer, BotReady } from '../bot/bot-peer.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { HangUpOutcome, MediaConnection } from '../media/media-connection.js';
import type { MediaStats } from '../media/media-transport.events.js';
import type { Session } from './session.js';

/**
 * Session data that the bot's arguments cannot hold: functions, keys, counters. Transports extend it by declaration merging:
 * `declare module '…/session-context.js' { interface SessionContext { … } }`.
 */
export class SessionContext {
  /** Hangs up the call at its provider. Never rejects. */
  hangUp?: MediaConnection['hangUp'];
  /** Outcome of the hang-up by the bot, if it hung up. */
  hangUpOutcome?: HangUpOutcome;
  /** Transfers the call at its provider. Never rejects. */
  transfer?: MediaConnection['transfer'];
  /** Peer connection in the bot's process. */
  peer?: BotPeer;
  /** Identity of the user in a room, for a node that takes the session over. */
  user?: string;
  /** Called when a bot in its own process is ready. */
  onReady?: (facts: BotReady) => void;
  /** Media statistics; `undefined` for a bot without `createTransport`. */
  mediaStats?: MediaStats;
  /** Plays the audio of a bot that has returned. @returns `undefined` when there is none. Never rejects. */
  playOut?: () => Promise<void> | undefined;
  /** W3C trace context of the start, of a session that another node has opened. */
  traceparent?: string;
  /** True once `createTransport` was called. */
  isConnected = false;

  /** Hang-up of the call, as a clause of the last log line; '' without one. */
  get hangUpClause(): string {
    const { ok, via } = this.hangUpOutcome ?? {};
    if (ok === undefined) return '';
    return ok ? `; hung up through its ${via}` : `; the hang-up through its ${via} failed`;
  }

  /** @param session `undefined` for arguments created by the host */
  constructor(readonly session?: Session) {}
}

/** Capabilities that a transport provides at launch. */
export type HandOver = Pick<SessionContext, 'hangUp' | 'transfer' | 'peer' | 'onReady' | 'user'>;

const contexts = new WeakMap<RunnerArguments, SessionContext>();

/** Binds a bot's arguments to their session context, for functions that receive only the arguments. */
export function bindContext(
  args: RunnerArguments,
  context: SessionContext,
  handOver: HandOver = {},
): void {
  contexts.set(args, Object.assign(context, handOver));
  const { hangUp } = handOver;
  if (hangUp) context.hangUp = async () => (context.hangUpOutcome = await hangUp());
}

/** Returns the session context of arguments launched in this process; a new one without session for others. */
export function contextOf(args: RunnerArguments): SessionContext {
  const context = contexts.get(args) ?? new SessionContext();
  contexts.set(args, context);
  return context;
}
