import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { MediaConnection } from '../media/media-connection.js';

/** What a bot wants of its media. */
export interface MediaConnectionOptions {
  /** The rate at which it wants to hear, in Hz, where the other side can choose. */
  readonly sampleRateHz: number | 'native' | undefined;
  /** Aborts the connecting. */
  readonly signal: AbortSignal | undefined;
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
