import type { AudioFrame } from './audio-frame.js';
import { toMono } from './pcm.js';
import { Resampler } from './resampler/resampler.js';
import type { OutputFormat } from './serializers/media-serializer.js';

/** What became of audio that was to be sent. */
export type SendOutcome =
  /** It was handed on. */
  | 'sent'
  /** `clear()` dropped it. */
  | 'cleared'
  /** There was no room: as much waits already as may. */
  | 'overflow'
  /** The connection is gone. */
  | 'disconnected';

/** Audio for the other side, at any rate. */
export type OutgoingAudio = Pick<AudioFrame, 'pcm' | 'sampleRateHz'> &
  Partial<Pick<AudioFrame, 'channels'>>;

/** How a {@link PacedOutput} behaves. */
export interface PacedOutputOptions extends OutputFormat {
  /** How much audio may be under way to the other side before it is played, in milliseconds. */
  readonly aheadMs: number;
  /** Once this much audio waits, more is refused. Milliseconds. */
  readonly maxQueueMs: number;
  /** Hands on a chunk, whose memory is used again; false when it cannot be taken now. */
  readonly write: (chunk: Int16Array) => boolean;
}

/** How much is converted at a time, in milliseconds: long audio must not hold up the calls beside it. */
const STEP_MS = 20;
/**
 * A chunk that is not full goes out with silence at its end when nothing came for this long, in milliseconds, and at least for the
 * length of a chunk. Sooner, a late frame would be behind a silence that delays all that follows.
 */
const LEAST_PATIENCE_MS = 60;
/** A congested connection is tried again after this, in milliseconds. */
const RETRY_MS = 20;

const SENT = Promise.resolve<SendOutcome>('sent');

type Settle = (outcome: SendOutcome) => void;

/** What waits for its turn: audio, or a mark between two pieces of it. */
type Waiting =
  | { readonly pcm: Int16Array; readonly sampleRateHz: number; taken: number; settle?: Settle }
  | { readonly mark: Settle };

/**
 * Sends audio at the pace it is spoken, in chunks of one size and rate: a moment ahead of the listener and no more, so that
 * most of what is interrupted is still here.
 */
export class PacedOutput {
  private queue: Waiting[] = [];
  private queuedMs = 0;
  private resampler: Resampler | undefined;
  /** Converted samples, the next chunk first. */
  private buffer: Int16Array;
  private buffered = 0;
  /** Marks that come after so many of the buffered samples. */
  private marks: { after: number; readonly settle: Settle }[] = [];
  /** When all that was handed on will have been played, on the clock of `performance`. */
  private playedAtMs = 0;
  private lastInputMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private timerAtMs = 0;
  private ended = false;
  private readonly chunkMs: number;
  private readonly patienceMs: number;

  constructor(private readonly options: PacedOutputOptions) {
    this.buffer = new Int16Array(options.chunkSamples * 2);
    this.chunkMs = durationMs(options.chunkSamples, options.sampleRateHz);
    this.patienceMs = Math.max(LEAST_PATIENCE_MS, this.chunkMs);
  }

  /** How long until all that was handed on will have been played, in milliseconds. */
  get aheadMs(): number {
    return Math.max(0, this.playedAtMs - performance.now());
  }

  /** Whether as much waits as may. */
  get isFull(): boolean {
    return this.queuedMs >= this.options.maxQueueMs;
  }

  /**
   * Resolves with what became of the audio. Its samples must stay as they are until then. Never rejects.
   */
  send({ pcm, sampleRateHz, channels = 1 }: OutgoingAudio): Promise<SendOutcome> {
    if (this.ended) return Promise.resolve('disconnected');
    if (this.isFull) return Promise.resolve('overflow');
    const audio: Waiting = { pcm: toMono(pcm, channels), sampleRateHz, taken: 0 };
    this.queue.push(audio);
    this.queuedMs += durationMs(audio.pcm.length, sampleRateHz);
    this.lastInputMs = performance.now();
    this.pump();
    // Most audio is taken at once, and needs no promise of its own.
    if (audio.taken === audio.pcm.length) return SENT;
    return new Promise((resolve) => (audio.settle = resolve));
  }

  /** Calls back when all audio before it is handed on, or dropped. */
  mark(settle: Settle): void {
    if (this.ended) return settle('disconnected');
    this.queue.push({ mark: settle });
    this.pump();
  }

  /** Drops all that waits here. */
  clear(): void {
    this.drop('cleared');
    this.resampler?.reset();
    this.playedAtMs = 0;
  }

  /** Drops all that waits here, for good. */
  end(): void {
    this.ended = true;
    this.drop('disconnected');
  }

  private drop(outcome: SendOutcome): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { queue, marks } = this;
    this.queue = [];
    this.marks = [];
    this.queuedMs = 0;
    this.buffered = 0;
    for (const { settle } of marks) settle(outcome);
    for (const item of queue) ('mark' in item ? item.mark : item.settle)?.(outcome);
  }

  /** Hands on what is due. */
  private pump(): void {
    const { aheadMs, chunkSamples, write } = this.options;
    while (!this.ended) {
      const now = performance.now();
      const tooEarlyMs = this.playedAtMs - now - aheadMs;
      if (tooEarlyMs >= 0 && this.hasMore) return this.wakeIn(tooEarlyMs);
      if (this.buffered < chunkSamples) {
        if (this.convertNext(now)) continue;
        if (this.buffered === 0) return;
        const patienceMs = this.lastInputMs + this.patienceMs - now;
        if (patienceMs > 0) return this.wakeIn(patienceMs);
        this.buffer.fill(0, this.buffered, chunkSamples);
        this.buffered = chunkSamples;
      }
      if (!write(this.buffer.subarray(0, chunkSamples))) return this.wakeIn(RETRY_MS);
      this.playedAtMs = Math.max(this.playedAtMs, now) + this.chunkMs;
      this.buffer.copyWithin(0, chunkSamples, this.buffered);
      this.buffered -= chunkSamples;
      this.passMarks(chunkSamples);
    }
  }

  private get hasMore(): boolean {
    return this.buffered > 0 || this.queue.length > 0;
  }

  /** Converts the next piece of what waits. @returns false when nothing does */
  private convertNext(now: number): boolean {
    const [next] = this.queue;
    if (!next) return false;
    if ('mark' in next) {
      this.queue.shift();
      if (this.buffered === 0) next.mark('sent');
      else this.marks.push({ after: this.buffered, settle: next.mark });
      return true;
    }
    const { pcm, sampleRateHz, taken } = next;
    const piece = pcm.subarray(taken, taken + Math.ceil((sampleRateHz * STEP_MS) / 1_000));
    this.append(this.convert(piece, sampleRateHz, now));
    next.taken += piece.length;
    this.queuedMs -= durationMs(piece.length, sampleRateHz);
    if (next.taken === pcm.length) {
      this.queue.shift();
      next.settle?.('sent');
    }
    return true;
  }

  private convert(pcm: Int16Array, fromHz: number, now: number): Int16Array {
    const toHz = this.options.sampleRateHz;
    if (fromHz === toHz) return pcm;
    if (this.resampler?.inRateHz !== fromHz) this.resampler = new Resampler(fromHz, toHz);
    // After a pause the end of the last sound is not the beginning of this one.
    else if (this.buffered === 0 && this.playedAtMs < now - LEAST_PATIENCE_MS)
      this.resampler.reset();
    return this.resampler.process(pcm);
  }

  private append(pcm: Int16Array): void {
    const needed = this.buffered + pcm.length;
    if (needed > this.buffer.length) {
      const larger = new Int16Array(needed * 2);
      larger.set(this.buffer.subarray(0, this.buffered));
      this.buffer = larger;
    }
    this.buffer.set(pcm, this.buffered);
    this.buffered = needed;
  }

  private passMarks(samples: number): void {
    if (this.marks.length === 0) return;
    for (const mark of this.marks) mark.after -= samples;
    while (this.marks[0] && this.marks[0].after <= 0) this.marks.shift()!.settle('sent');
  }

  private wakeIn(ms: number): void {
    const atMs = performance.now() + ms;
    if (this.timer) {
      if (this.timerAtMs <= atMs) return;
      clearTimeout(this.timer);
    }
    this.timerAtMs = atMs;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.pump();
    }, Math.ceil(ms));
  }
}

const durationMs = (samples: number, rateHz: number): number => (samples * 1_000) / rateHz;
