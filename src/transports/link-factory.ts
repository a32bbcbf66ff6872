import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { MediaLink } from '../media/media-link.js';

/** What a bot wants of its media. */
export interface LinkWishes {
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
export type LinkFactory = (
  args: RunnerArguments,
  wishes: LinkWishes,
) => MediaLink | undefined | Promise<MediaLink | undefined>;
