import { type AudioFrame, ownPcm } from './pcm.js';
import { Resampler } from './resampler/resampler.js';

/** Received audio, resampled to the bot's rate and timestamped. */
export class AudioInput {
  private resampler: Resampler | undefined;
  private receivedMs = 0;

  /** @param sampleRateHz `native` keeps the rate of what is received */
  constructor(private readonly sampleRateHz: number | 'native') {}

  /**
   * Returns the frame for the bot; `undefined` while the filter holds back too few samples for one.
   * @param timestampMs capture time; without one, audio continues where the last ended
   */
  frameOf(mono: Int16Array, fromHz: number, timestampMs?: number): AudioFrame | undefined {
    const startMs = timestampMs ?? this.receivedMs;
    this.receivedMs = startMs + (mono.length * 1_000) / fromHz;
    const sampleRateHz = this.sampleRateHz === 'native' ? fromHz : this.sampleRateHz;
    const pcm = fromHz === sampleRateHz ? ownPcm(mono) : this.resample(mono, fromHz, sampleRateHz);
    if (pcm.length === 0) return undefined;
    return { pcm, sampleRateHz, channels: 1, timestampMs: startMs };
  }

  private resample(mono: Int16Array, fromHz: number, toHz: number): Int16Array {
    if (this.resampler?.inRateHz !== fromHz) this.resampler = new Resampler(fromHz, toHz);
    return this.resampler.process(mono);
  }
}
