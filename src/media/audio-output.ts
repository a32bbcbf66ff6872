import { MAX_TIMER_MS } from '../validation/options.js';
import type { MediaConnection } from './media-connection.js';
import type { MarkOutcome, PlayedMark } from './media-transport.events.js';
import type { MediaTransportOptions } from './media-transport.options.js';
import { type OutgoingAudio, PacedOutput, type SendOutcome } from './paced-output.js';
import { PlaybackMarks } from './playback-marks.js';
import { type Playback, PlaybackPosition } from './playback-position.js';

/** Delay of the peer's playback behind the local clock, through the network and its jitter buffer, in milliseconds. */
const PLAYOUT_DELAY_MS = 300;
/** Timeout of the peer's confirmation after the end of playback by the local clock, in milliseconds. */
const CONFIRMATION_TIMEOUT_MS = 2_000;
/** Audio between two confirmations of the position, in milliseconds. */
const CONFIRM_EVERY_MS = 200;

/** Options of an {@link AudioOutput}. */
export interface AudioOutputOptions extends Required<
  Pick<MediaTransportOptions, 'sendAheadMs' | 'maxQueueMs' | 'playoutTimeoutMs' | 'confirmPlayback'>
> {
  /** Writes a chunk to the connection. Returns false when it takes none now. */
  readonly write: (chunk: Int16Array) => boolean;
  /** Called when the peer leaves too many marks unconfirmed. */
  readonly onUnconfirmed: () => void;
  /** @see PacedOutputOptions.onFailure */
  readonly onFailure: (thrown: unknown) => void;
}

/** Outgoing audio of a bot: paced, with its marks and its playout at the end. */
export class AudioOutput {
  private readonly paced: PacedOutput;
  private readonly marks: PlaybackMarks;
  private readonly position: PlaybackPosition;
  private readonly isConfirmed: boolean;
  private readonly confirmsPosition: boolean;
  /** Audio written since the position was last to be confirmed, in milliseconds. */
  private unconfirmedMs = 0;
  private readonly playoutTimeoutMs: number;
  /** Waits of {@link played}. */
  private readonly waits = new Set<() => void>();
  private finishing: Promise<void> | undefined;
  private isFinished = false;

  constructor(connection: MediaConnection, options: AudioOutputOptions) {
    const { sendAheadMs, maxQueueMs, playoutTimeoutMs, confirmPlayback, write, onFailure } =
      options;
    this.playoutTimeoutMs = Math.min(playoutTimeoutMs, MAX_TIMER_MS);
    this.isConfirmed = connection.capabilities.marks === 'confirmed';
    this.confirmsPosition = this.isConfirmed && confirmPlayback;
    this.position = new PlaybackPosition(this.confirmsPosition);
    this.marks = new PlaybackMarks(connection, options.onUnconfirmed);
    this.paced = new PacedOutput({
      ...connection.output,
      aheadMs: sendAheadMs,
      maxQueueMs,
      write,
      onFailure,
      onWritten: (audioMs) => this.wrote(audioMs),
    });
  }

  /** Progress of playback. */
  get playback(): Playback {
    return this.position.playback(this.paced.waitingMs);
  }

  /** True when the buffer limit is reached. */
  get isFull(): boolean {
    return this.paced.isFull;
  }

  /** @see PacedOutput.send */
  send(audio: OutgoingAudio): Promise<SendOutcome> {
    return this.isFinished ? Promise.resolve('disconnected') : this.paced.send(audio);
  }

  /** Resolves when all audio sent before the mark was played or dropped. */
  mark(name: string): Promise<PlayedMark> {
    return new Promise((resolve) => {
      const settle = (outcome: MarkOutcome): void => resolve({ outcome, ...this.playback });
      this.paced.mark((sent) => {
        if (sent !== 'sent') return settle(sent === 'disconnected' ? sent : 'cleared');
        this.markWritten(name, settle);
      });
    });
  }

  /** Marks the position up to which audio is written. */
  private markWritten(name: string, settle: (outcome: MarkOutcome) => void): void {
    const positionMs = this.position.expect();
    this.marks.add(name, this.paced.aheadMs, (outcome) => {
      if (outcome === 'played') this.position.confirm(positionMs);
      settle(outcome);
    });
  }

  private wrote(audioMs: number): void {
    const isFirst = this.position.write(audioMs, this.paced.playbackEndMs);
    this.unconfirmedMs += audioMs;
    if (!this.confirmsPosition || (!isFirst && this.unconfirmedMs < CONFIRM_EVERY_MS)) return;
    this.unconfirmedMs = 0;
    this.markWritten('position', () => undefined);
  }

  /** Holds the audio back that is not written yet. */
  pause(): void {
    this.paced.pause();
  }

  resume(): void {
    if (!this.paced.isPaused) return;
    this.position.resume();
    this.paced.resume();
  }

  /** Settles a mark that the peer has confirmed. */
  markPlayed(id: string): void {
    this.marks.settle(id, 'played');
  }

  /** Drops queued audio and marks. @returns the progress of playback until then */
  clear(): Playback {
    const { playback } = this;
    this.marks.settleAll('cleared');
    this.paced.clear();
    this.position.clear();
    this.stopWaiting();
    return { ...playback, queuedMs: 0 };
  }

  /**
   * Waits until all audio sent so far was played or dropped, for `playoutTimeoutMs` at most.
   * @returns `undefined` when there is nothing to wait for
   */
  played(): Promise<void> | undefined {
    if (this.isPlayed || this.playoutTimeoutMs === 0) return undefined;
    return new Promise((resolve) => {
      const deadlineMs = performance.now() + this.playoutTimeoutMs;
      let timer: NodeJS.Timeout | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        this.waits.delete(settle);
        resolve();
      };
      this.waits.add(settle);
      timer = setTimeout(settle, this.playoutTimeoutMs);
      this.paced.whenWritten((outcome) => {
        if (outcome !== 'sent') return settle();
        if (!this.waits.has(settle)) return;
        clearTimeout(timer);
        timer = setTimeout(settle, Math.min(this.playoutEndMs, deadlineMs) - performance.now());
        if (this.isConfirmed) this.marks.add('end', 0, settle);
      });
    });
  }

  /** Refuses more audio. @returns as {@link played} */
  finish(): Promise<void> | undefined {
    this.isFinished = true;
    this.resume();
    return (this.finishing ??= this.played());
  }

  /** Drops everything, because the connection has ended. */
  end(): void {
    this.isFinished = true;
    this.paced.end();
    this.marks.settleAll('disconnected');
    this.stopWaiting();
  }

  private get isPlayed(): boolean {
    const { isPending, playbackEndMs } = this.paced;
    if (isPending) return false;
    if (playbackEndMs === 0 || (this.isConfirmed && this.position.isConfirmed)) return true;
    return this.playoutEndMs <= performance.now();
  }

  /** Latest end of playback of everything written, in milliseconds of `performance.now()`. */
  private get playoutEndMs(): number {
    const delayMs = this.isConfirmed ? CONFIRMATION_TIMEOUT_MS : PLAYOUT_DELAY_MS;
    return this.paced.playbackEndMs + delayMs;
  }

  private stopWaiting(): void {
    for (const settle of this.waits) settle();
  }
}
