import type { AudioFrame } from '../media/pcm.js';

/** Root mean square (RMS) threshold of speech: line noise has about 100, a voice about 2,000. */
const SPEECH_RMS = 500;
/** Silence that ends speech, in milliseconds; pauses between words are shorter. */
const HANGOVER_MS = 500;

/** Voice activity detection (VAD) by loudness alone: enough for an echo bot. */
export class SpeechDetector {
  private quietMs = Infinity;

  get speaking(): boolean {
    return this.quietMs < HANGOVER_MS;
  }

  /** @returns the change of speech with this frame, if any */
  detect({ pcm, sampleRateHz }: AudioFrame): 'began' | 'ended' | undefined {
    const before = this.speaking;
    let energy = 0;
    for (const sample of pcm) energy += sample * sample;
    const loud = energy > pcm.length * SPEECH_RMS ** 2;
    this.quietMs = loud ? 0 : this.quietMs + (pcm.length * 1_000) / sampleRateHz;
    if (this.speaking === before) return undefined;
    return before ? 'ended' : 'began';
  }
}
