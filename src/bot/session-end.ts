import { causedBy, fieldOf, isInstance } from '../errors/thrown.js';
import { MediaUnavailableError } from '../media/media-unavailable.error.js';

/**
 * Why a session ended. The set is closed, so that hosts can switch on it.
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
  | 'draining';

/**
 * The reason a session ended. It is an `Error`, because it is also what `session.signal.reason` holds, and so
 * what an aborted `fetch`, timer or stream of the bot rejects with. Its `cause` is what the bot threw, or a plain error that describes it
 * where that cannot be printed.
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

/** True if what a bot threw is the end of its session at work, and not a failure: it rejects because of the abort. */
export const isEndAtWork = (thrown: unknown, end: SessionEnd): boolean =>
  thrown === end || fieldOf(thrown, 'name') === 'AbortError';

/** The end of a session of which the bot's `launch()` threw or rejected. */
export const botFailed = (cause: unknown): SessionEnd =>
  new SessionEnd('failed', unavailable(cause) ?? 'The bot failed.', { cause });

/** The peer's media, and not the bot, may be to blame. */
const unavailable = (cause: unknown): string | undefined =>
  isInstance(cause, MediaUnavailableError) ? cause.message : undefined;
