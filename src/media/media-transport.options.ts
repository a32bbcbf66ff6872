import { checkAudioRate } from './audio-rates.js';

/** How a {@link MediaTransport} behaves. */
export interface MediaTransportOptions {
  /**
   * The rate of the audio that the bot hears, in Hz: 8,000, 11,025, 12,000, 16,000, 22,050, 24,000, 32,000, 44,100, 48,000 or
   * 96,000; `native` is whatever the other side sends.
   * @default 16_000
   */
  readonly sampleRateHz?: number | 'native';
  /**
   * How much audio is handed on before it is played, in milliseconds. More bridges longer hiccups, less is cut off sooner by
   * `clear()` where the other side cannot clear.
   * @default 100
   */
  readonly sendAheadMs?: number;
  /**
   * Once this much audio of the bot waits to be sent, more is refused. Milliseconds.
   * @default 60_000
   */
  readonly maxQueueMs?: number;
  /**
   * How much audio waits for a bot that does not read it, in milliseconds; then the oldest goes.
   * @default 5_000
   */
  readonly maxBacklogMs?: number;
}

/**
 * Fills in the defaults.
 * @throws {RangeError} for an option that cannot be, naming what is accepted
 */
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
