import type { EventEmitter } from 'node:events';
import type { FakeCall, FakeClient } from '../../../src/testing/index.js';
import { silence, spoken } from '../spoken.js';
import type { WebRtcLine } from './web-rtc-line.js';

const FRAME_MS = 20;
/** Silence before the first words: whoever speaks at once loses the first syllable, as the voice activity detection needs some silence before. */
const BREATH_MS = 500;

/** Rates of the audio that is sent and received, in Hz. */
export const PHONE = { sentHz: 8_000, heardHz: 8_000 };
export const WEB = { sentHz: 16_000, heardHz: 24_000 };

/** Someone on the line, who is silent until they speak, and hears what a carrier plays: what was cleared is not heard. */
export class Caller<
  Peer extends FakeCall | FakeClient | WebRtcLine = FakeCall | FakeClient | WebRtcLine,
> {
  /** End of playback of all that was received, in milliseconds since 1970; 0 after a clear. */
  private playedAtMs = 0;
  private readonly played: Int16Array[] = [];
  /** When something that is no silence was last heard, in milliseconds since 1970. */
  lastSoundMs = 0;
  /** When the last of that came, in milliseconds since 1970. */
  lastArrivalMs = 0;
  private readonly queue: Int16Array[] = [];
  private spokenUp: () => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;
  /** When each `clear` came, in milliseconds since 1970. */
  readonly clears: number[] = [];
  /** When the bot was first heard, in milliseconds since 1970. */
  firstHeardMs = 0;
  private readonly heardAtClear = new Map<number, number>();

  constructor(
    readonly peer: Peer,
    readonly session: string,
    private readonly rates: typeof PHONE,
  ) {
    // Of one kind or the other.
    const events: EventEmitter = peer;
    events.on('audio', () => this.hear());
    for (const clear of ['cleared', 'interruption']) events.on(clear, () => this.cleared());
    this.sendFrames();
    void peer.closed.then(() => {
      clearTimeout(this.timer);
      this.spokenUp();
    });
  }

  /** Takes a breath and says a sentence. @returns once it is said, with the times of its first and last sound, in milliseconds since 1970 */
  async say(text: string): Promise<{ beganMs: number; endedMs: number }> {
    const sentence = await spoken(text, this.rates.sentHz);
    await this.speak(silence(BREATH_MS, this.rates.sentHz));
    return this.speak(sentence);
  }

  /** @see say */
  async speak(pcm: Int16Array): Promise<{ beganMs: number; endedMs: number }> {
    const samples = (this.rates.sentHz * FRAME_MS) / 1_000;
    const beganMs = Date.now();
    for (let at = 0; at < pcm.length; at += samples) this.queue.push(pcm.slice(at, at + samples));
    await new Promise<void>((resolve) => (this.spokenUp = resolve));
    return { beganMs, endedMs: Date.now() };
  }

  /** Sound until now. */
  get heard(): { readonly pcm: Int16Array; readonly rateHz: number } {
    const rateHz = this.rates.heardHz;
    const missing = Math.max(0, Math.round(((this.playedAtMs - Date.now()) * rateHz) / 1_000));
    const all = Int16Array.from(this.played.flatMap((piece) => [...piece]));
    return { pcm: all.slice(0, Math.max(0, all.length - missing)), rateHz };
  }

  /** Resolves once nothing was heard for so long. @returns when the last sound was, in milliseconds since 1970 */
  async silence(ms: number): Promise<number> {
    for (;;) {
      const leftMs = this.lastSoundMs + ms - Date.now();
      if (leftMs <= 0) return this.lastSoundMs;
      await new Promise((resolve) => setTimeout(resolve, leftMs));
    }
  }

  /** Resolves once the bot was heard for so long, since now. */
  async hears(ms: number): Promise<void> {
    const wanted = this.heardMs + ms;
    while (this.heardMs < wanted) await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
  }

  /** Length of what was heard before a `clear`, in milliseconds. */
  heardBefore(clearMs: number): number {
    return this.heardAtClear.get(clearMs) ?? 0;
  }

  private get heardMs(): number {
    return (this.heard.pcm.length * 1_000) / this.rates.heardHz;
  }

  /** Leaves the line. */
  async leave(): Promise<void> {
    await ('hangUp' in this.peer ? this.peer.hangUp() : this.peer.leave());
  }

  private receivedSamples = 0;

  private hear(): void {
    const audio = this.peer.audio.slice(this.receivedSamples);
    this.receivedSamples += audio.length;
    this.played.push(audio);
    this.firstHeardMs ||= Date.now();
    const ms = (audio.length * 1_000) / this.rates.heardHz;
    this.playedAtMs = Math.max(this.playedAtMs, Date.now()) + ms;
    if (!audio.some((sample) => Math.abs(sample) > 300)) return;
    this.lastSoundMs = this.playedAtMs;
    this.lastArrivalMs = Date.now();
  }

  private cleared(): void {
    const { pcm } = this.heard;
    this.played.splice(0, this.played.length, pcm);
    this.playedAtMs = 0;
    this.lastSoundMs = Math.min(this.lastSoundMs, Date.now());
    this.clears.push(Date.now());
    this.heardAtClear.set(this.clears.at(-1)!, (pcm.length * 1_000) / this.rates.heardHz);
  }

  private sendFrames(dueMs = performance.now()): void {
    const frame = this.queue.shift() ?? new Int16Array((this.rates.sentHz * FRAME_MS) / 1_000);
    void this.peer.speak(frame, { pace: 'asap' });
    if (this.queue.length === 0) this.spokenUp();
    const next = dueMs + FRAME_MS;
    this.timer = setTimeout(() => this.sendFrames(next), next - performance.now());
  }
}
