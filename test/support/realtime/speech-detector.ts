import { RATE_HZ } from './session.js';

/** Louder than this is speech. */
const SPEECH_RMS = 500;
const SILENCE_MS = 400;

/** Tells turns apart by loudness, as a server's VAD does. */
export class SpeechDetector {
  private totalMs = 0;
  private quietMs = 0;
  private isSpeaking = false;
  private pieces: Int16Array[] = [];

  constructor(
    private readonly on: {
      started(atMs: number): void;
      stopped(atMs: number, speech: Int16Array): void;
    },
  ) {}

  hear(pcm: Int16Array): void {
    const ms = (pcm.length * 1_000) / RATE_HZ;
    this.totalMs += ms;
    const isLoud = pcm.reduce((sum, x) => sum + x * x, 0) > pcm.length * SPEECH_RMS ** 2;
    this.quietMs = isLoud ? 0 : this.quietMs + ms;
    if (isLoud && !this.isSpeaking) {
      this.isSpeaking = true;
      this.on.started(Math.round(this.totalMs));
    }
    if (!this.isSpeaking) return;
    this.pieces.push(pcm);
    if (this.quietMs < SILENCE_MS) return;
    this.isSpeaking = false;
    const speech = this.pieces.splice(0).flatMap((piece) => [...piece]);
    this.on.stopped(Math.round(this.totalMs), Int16Array.from(speech));
  }
}
