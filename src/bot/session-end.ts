import { causedBy, fieldOf, isInstance } from '../errors/thrown.js';

/**
 * Reason code of a session's end. The set is closed, so that hosts can use an exhaustive switch.
 *
 * | code | meaning |
 * | --- | --- |
 * | `completed` | the bot's `launch()` returned |
 * | `failed` | the bot's `launch()` threw or rejected |
 * | `peer_left` | the caller or client closed its connection, or vanished |
 * | `peer_error` | the connection broke the protocol (bad frame, too large, bad handshake) |
 * | `stopped` | someone asked the runner to stop it |
 * | `expired` | announced by `/start`, but nobody connected in time |
 * | `start_failed` | the transport could not set it up (room refused, …) |
 * | `not_ready` | the bot did not call `ready()` in time |
 * | `too_long` | it ran longer than `maxSessionDurationMs` |
 * | `draining` | the process is shutting down |
 * | `lost` | the node of a fleet that it ran on is gone |
 */
export type SessionEndCode =
  | 'completed'
  | 'failed'
  | 'peer_left'
  | 'peer_error'
  | 'stopped'
  | 'expired'
  | 'start_failed'
  | 'not_ready'
  | 'too_long'
  | 'draining'
  | 'lost';

const CODES: Readonly<Record<SessionEndCode, true>> = {
  completed: true,
  failed: true,
  peer_left: true,
  peer_error: true,
  stopped: true,
  expired: true,
  start_failed: true,
  not_ready: true,
  too_long: true,
  draining: true,
  lost: true,
};

/** Returns a code from outside; `undefined` for what is none. */
export const sessionEndCodeOf = (text: unknown): SessionEndCode | undefined =>
  Object.keys(CODES).find((code): code is SessionEndCode => code === text);

/**
 * Reason of a session's end. It is an `Error` because it is also `session.signal.reason`, which aborted fetches, timers and streams of the bot
 * reject with. Its `cause` is the bot's error, or a plain error that describes one that cannot be printed.
 */
export class SessionEnd extends Error {
  override readonly name = 'SessionEnd';

  constructor(
    readonly code: SessionEndCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, causedBy(options));
  }
}

/** True if a bot's error is only the abort of its session, and not a failure. */
export const isEndAtWork = (thrown: unknown, end: SessionEnd): boolean =>
  thrown === end || fieldOf(thrown, 'name') === 'AbortError';

/** Returns the session end for an error of the bot's `launch()`. */
export const botFailed = (cause: unknown): SessionEnd =>
  new SessionEnd('failed', unavailable(cause) ?? 'The bot failed.', { cause });

/** The peer's media, and not the bot, may be to blame. */
const unavailable = (cause: unknown): string | undefined =>
  isInstance(cause, MediaUnavailableError) ? cause.message : undefined;

/** Error of `createTransport` for arguments without media here. The message names the alternative. */
export class MediaUnavailableError extends Error {
  override readonly name = 'MediaUnavailableError';
}
