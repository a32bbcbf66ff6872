import type { AudioFrame } from '../media/audio-frame.js';

/** Louder than this is speech: the root mean square of the samples, of which a phone's hiss has some 100 and a voice some 2,000. */
const SPEECH_RMS = 500;
/** So much quiet ends it, in milliseconds; pauses between words are shorter. */
const HANGOVER_MS = 500;

/** Tells when someone begins and ceases to speak, by loudness alone: enough for an echo, not for a conversation. */
export class SpeechDetector {
  private quietMs = Infinity;

  get speaking(): boolean {
    return this.quietMs < HANGOVER_MS;
  }

  /** @returns whether speech began or ended with this frame */
  hear({ pcm, sampleRateHz }: AudioFrame): 'began' | 'ended' | undefined {
    const before = this.speaking;
    let energy = 0;
    for (const sample of pcm) energy += sample * sample;
    const loud = energy > pcm.length * SPEECH_RMS ** 2;
    this.quietMs = loud ? 0 : this.quietMs + (pcm.length * 1_000) / sampleRateHz;
    if (this.speaking === before) return undefined;
    return before ? 'ended' : 'began';
  }
}
