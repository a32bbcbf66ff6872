import { checkAudioRate } from './pcm.js';

/** Options of a {@link MediaTransport}. */
export interface MediaTransportOptions {
  /**
   * Sample rate of the audio that the bot receives, in Hz: 8,000, 11,025, 12,000, 16,000, 22,050, 24,000, 32,000, 44,100, 48,000 or
   * 96,000. `native` keeps the client's rate (no resampling).
   * @default 16_000
   */
  readonly sampleRateHz?: number | 'native';
  /**
   * Pacing: audio sent ahead of its playback, in milliseconds. More survives longer network stalls; less makes barge-in quicker
   * where the client cannot clear its own buffer.
   * @default 100
   */
  readonly sendAheadMs?: number;
  /** Buffer limit of the bot's audio that waits to be sent, in milliseconds. Audio beyond it is refused as `overflow`. @default 60_000 */
  readonly maxQueueMs?: number;
  /** Buffer limit of received audio that the bot has not read, in milliseconds. The oldest is dropped first. @default 5_000 */
  readonly maxBacklogMs?: number;
}

/** Fills in the defaults. @throws {RangeError} for an invalid option, naming what is accepted */
export function resolveMediaTransportOptions({
  sampleRateHz = 16_000,
  sendAheadMs = 100,
  maxQueueMs = 60_000,
  maxBacklogMs = 5_000,
}: MediaTransportOptions): Required<MediaTransportOptions> {
  if (sampleRateHz !== 'native') checkAudioRate(sampleRateHz);
  checkMs('sendAheadMs', sendAheadMs, 0);
  checkMs('maxQueueMs', maxQueueMs, 1);
  checkMs('maxBacklogMs', maxBacklogMs, 0);
  return { sampleRateHz, sendAheadMs, maxQueueMs, maxBacklogMs };
}

function checkMs(name: string, value: unknown, least: number): void {
  if (typeof value !== 'number' || !(value >= least)) {
    throw new RangeError(`${name} must be a number of milliseconds, at least ${least}`);
  }
}
