import type { MediaCapabilities } from './serializers/media-serializer.js';

/** Silence after which audio begins a new utterance, in milliseconds. */
const PAUSE_MS = 1_000;

/** Progress of playback: the audio that the user has heard. */
export interface Playback {
  /**
   * Audio of the current utterance that was played, in milliseconds. An utterance begins with the first audio after `clear()`, or after a
   * second without any.
   */
  readonly playedMs: number;
  /** Audio that was played since the connection began, in milliseconds. */
  readonly totalPlayedMs: number;
  /** Audio that was accepted and not played yet, in milliseconds. */
  readonly queuedMs: number;
  /** `confirmed`: told by the peer, with `confirmPlayback`; `estimated`: reckoned by a local clock, as if the network took no time. */
  readonly position: MediaCapabilities['marks'];
}

/** Position of the peer's playback in the audio that was written. Positions are milliseconds of audio since the connection began. */
export class PlaybackPosition {
  private writtenMs = 0;
  private utteranceAtMs = 0;
  /** End of playback of everything written, in milliseconds of `performance.now()`. */
  private endMs = 0;
  /** Newest position that the peer confirmed, and when. */
  private confirmed: { readonly positionMs: number; readonly atMs: number } | undefined;
  /** Positions that the peer is to confirm, the earliest first. */
  private awaited: number[] = [];

  /** @param followsPeer true when playback goes by what the peer confirms, as soon as it does; false when by a local clock */
  constructor(private readonly followsPeer: boolean) {}

  /** True when everything written was confirmed. */
  get isConfirmed(): boolean {
    return this.confirmed?.positionMs === this.writtenMs;
  }

  /** @returns true when the audio begins an utterance */
  write(audioMs: number, endMs: number): boolean {
    const isFirst =
      this.writtenMs === this.utteranceAtMs || performance.now() - this.endMs > PAUSE_MS;
    if (isFirst) this.utteranceAtMs = this.writtenMs;
    this.writtenMs += audioMs;
    this.endMs = endMs;
    return isFirst;
  }

  /** Expects the peer to confirm that everything written so far was played. @returns the position to {@link confirm} */
  expect(): number {
    if (this.followsPeer) this.awaited.push(this.writtenMs);
    return this.writtenMs;
  }

  confirm(positionMs: number): void {
    while (this.awaited[0] !== undefined && this.awaited[0] <= positionMs) this.awaited.shift();
    if (positionMs < (this.confirmed?.positionMs ?? 0)) return;
    this.confirmed = { positionMs, atMs: performance.now() };
  }

  /** @param waitingMs audio that was accepted and not written */
  playback(waitingMs: number): Playback {
    const totalPlayedMs = this.playedMs;
    return {
      playedMs: totalPlayedMs - this.utteranceAtMs,
      totalPlayedMs,
      queuedMs: waitingMs + this.writtenMs - totalPlayedMs,
      position: this.followsPeer && this.confirmed ? 'confirmed' : 'estimated',
    };
  }

  /** Continues the utterance after a pause that the bot made. */
  resume(): void {
    if (this.endMs > 0) this.endMs = Math.max(this.endMs, performance.now());
  }

  /** Forgets what was written and not played. */
  clear(): void {
    this.writtenMs = this.playedMs;
    this.utteranceAtMs = this.writtenMs;
    this.awaited = [];
    if (this.confirmed) this.confirmed = { positionMs: this.writtenMs, atMs: performance.now() };
  }

  private get playedMs(): number {
    const now = performance.now();
    const { confirmed, writtenMs } = this;
    const playedMs =
      this.followsPeer && confirmed
        ? Math.min(confirmed.positionMs + now - confirmed.atMs, this.awaited[0] ?? writtenMs)
        : writtenMs - Math.max(0, this.endMs - now);
    return Math.max(this.utteranceAtMs, Math.min(playedMs, writtenMs));
  }
}
