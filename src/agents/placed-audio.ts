import type { Playback } from '../media/playback-position.js';

/** Audio of an answer, among all audio of its transport. */
export interface PlacedAudio {
  /** Position of its first sample since the connection began, in milliseconds. */
  readonly startsAtMs: number;
  /** Its length so far, in milliseconds. */
  readonly audioMs: number;
}

/** Returns the position of audio that is sent now, in milliseconds. */
export const nextPosition = ({ totalPlayedMs, queuedMs }: Playback): number =>
  totalPlayedMs + queuedMs;

/** Returns how much of an answer was played, in milliseconds: none before it begins, and never more than there is of it. @param positionMs `totalPlayedMs` */
export const playedOf = ({ startsAtMs, audioMs }: PlacedAudio, positionMs: number): number =>
  Math.max(0, Math.min(positionMs - startsAtMs, audioMs));
