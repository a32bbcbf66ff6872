import { Min } from 'class-validator';
import { Accepts, IsFlag } from '../validation/option.decorators.js';
import { resolveOptions } from '../validation/options.js';
import { AUDIO_RATES_HZ, isAudioRate } from './pcm.js';

const AtLeastMs = (min: number): PropertyDecorator =>
  Min(min, { message: `$property must be a number of milliseconds, at least ${min}` });

/** Options of a {@link MediaTransport}. */
export class MediaTransportOptions {
  /**
   * Sample rate of the audio that the bot receives, in Hz: 8,000, 11,025, 12,000, 16,000, 22,050, 24,000, 32,000, 44,100, 48,000 or
   * 96,000. `native` keeps the client's rate (no resampling).
   * @default 16_000
   */
  @Accepts(
    `must be one of ${AUDIO_RATES_HZ.join(', ')}, or 'native'`,
    (value) => value === 'native' || isAudioRate(value),
  )
  readonly sampleRateHz?: number | 'native' = 16_000;
  /**
   * Pacing: audio sent ahead of its playback, in milliseconds. More survives longer network stalls; less makes barge-in quicker
   * where the client cannot clear its own buffer.
   * @default 100
   */
  @AtLeastMs(0)
  readonly sendAheadMs?: number = 100;
  /** Buffer limit of the bot's audio that waits to be sent, in milliseconds. Audio beyond it is refused as `overflow`. @default 60_000 */
  @AtLeastMs(1)
  readonly maxQueueMs?: number = 60_000;
  /** Buffer limit of received audio that the bot has not read, in milliseconds. The oldest is dropped first. @default 5_000 */
  @AtLeastMs(0)
  readonly maxBacklogMs?: number = 5_000;
  /**
   * Timeout for the bot's audio to be played before the connection ends by the bot: by `close()`, `hangUp()`, `transfer()` or its return, in
   * milliseconds. 0 cuts it off.
   * @default 60_000
   */
  @AtLeastMs(0)
  readonly playoutTimeoutMs?: number = 60_000;
  /**
   * Has the peer confirm every 200 ms of audio that was played, where it can (`capabilities.marks`), so that `clear()` and `playback` tell
   * what the user heard to within 40 ms and the network's delay.
   * @default false: a local clock tells
   */
  @IsFlag()
  readonly confirmPlayback?: boolean = false;
}

/** Fills in the defaults. @throws {InvalidOptionsError} naming every invalid option, and what is accepted */
export const resolveMediaTransportOptions = (
  options: MediaTransportOptions,
): Required<MediaTransportOptions> =>
  resolveOptions('createTransport', new MediaTransportOptions(), options);
