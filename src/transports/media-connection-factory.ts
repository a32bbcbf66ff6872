import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { MediaConnection } from '../media/media-connection.js';
import type { SessionContext } from '../sessions/session-context.js';

/** What a bot wants of its media. */
export interface MediaConnectionOptions {
  /** The rate at which it wants to hear, in Hz, where the other side can choose. */
  readonly sampleRateHz: number | 'native' | undefined;
  /** Aborts the connecting. */
  readonly signal: AbortSignal | undefined;
  /** The context of the session that the arguments belong to. */
  readonly context: SessionContext;
}

/**
 * How the media of a transport are reached.
 * @returns `undefined` for the arguments of another transport
 * @throws {MediaUnavailableError} when these have none here
 */
export type MediaConnectionFactory = (
  args: RunnerArguments,
  wishes: MediaConnectionOptions,
) => MediaConnection | undefined | Promise<MediaConnection | undefined>;
