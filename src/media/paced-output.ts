import { Queue } from '../limits/queue.js';
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
/** A chunk goes out at the latest so long before what was handed on is played to its end, in milliseconds. */
const LAST_MOMENT_MS = 20;
/** So many marks wait for the audio before them; more are refused, or a peer that takes nothing had them pile up. */
const MAX_MARKS = 1_000;
/** What a piece of audio counts at least while it waits, in milliseconds: its memory is more than its samples. */
const LEAST_WAITING_MS = 1;

const SENT = Promise.resolve<SendOutcome>('sent');

type Settle = (outcome: SendOutcome) => void;

/** What waits for its turn: audio, or a mark between two pieces of it. */
type Waiting = WaitingAudio | { readonly mark: Settle };

interface WaitingAudio extends Required<OutgoingAudio> {
  /** How much of it was converted, in samples of all channels. */
  taken: number;
  /** What the rest counts. */
  leftMs: number;
  settle?: Settle;
}

/**
 * Sends audio at the pace it is spoken, in chunks of one size and rate: a moment ahead of the listener and no more, so that
 * most of what is interrupted is still here.
 */
export class PacedOutput {
  private readonly queue = new Queue<Waiting>();
  private queuedMs = 0;
  private resampler: Resampler | undefined;
  /** Converted samples, the next chunk first. */
  private buffer: Int16Array;
  private buffered = 0;
  /** Marks that come after so many of the buffered samples. */
  private marks: { after: number; readonly settle: Settle }[] = [];
  /** How many marks wait, here and in the queue. */
  private marksWaiting = 0;
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
    const leftMs = Math.max(LEAST_WAITING_MS, durationMs(pcm.length / channels, sampleRateHz));
    const audio: WaitingAudio = { pcm, sampleRateHz, channels, taken: 0, leftMs };
    this.queue.push(audio);
    this.queuedMs += leftMs;
    this.lastInputMs = performance.now();
    this.pump();
    // Most audio is taken at once, and needs no promise of its own.
    if (audio.taken === audio.pcm.length) return SENT;
    return new Promise((resolve) => (audio.settle = resolve));
  }

  /** Calls back when all audio before it is handed on, or dropped; at once with `overflow` when too many wait. */
  mark(settle: Settle): void {
    if (this.ended) return settle('disconnected');
    if (this.marksWaiting >= MAX_MARKS) return settle('overflow');
    this.marksWaiting++;
    this.queue.push({
      mark: (outcome) => {
        this.marksWaiting--;
        settle(outcome);
      },
    });
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
    const { marks } = this;
    const queue = this.queue.drain();
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
        const dueMs = Math.max(
          this.lastInputMs + this.patienceMs,
          this.playedAtMs - LAST_MOMENT_MS,
        );
        if (dueMs > now) return this.wakeIn(dueMs - now);
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
    const next = this.queue.peek();
    if (!next) return false;
    if ('mark' in next) {
      this.queue.shift();
      if (this.buffered === 0) next.mark('sent');
      else this.marks.push({ after: this.buffered, settle: next.mark });
      return true;
    }
    const { pcm, sampleRateHz, channels, taken } = next;
    // Otherwise the bot has given the memory away meanwhile, such as to a worker.
    if (taken < pcm.length) {
      const samples = Math.ceil((sampleRateHz * STEP_MS) / 1_000);
      const piece = pcm.subarray(taken, taken + samples * channels);
      this.append(toMono(piece, channels), sampleRateHz, now);
      next.taken += piece.length;
      const ms = durationMs(piece.length / channels, sampleRateHz);
      next.leftMs -= ms;
      this.queuedMs -= ms;
    }
    if (next.taken >= pcm.length) {
      this.queue.shift();
      this.queuedMs -= next.leftMs;
      next.settle?.('sent');
    }
    return true;
  }

  /** Puts samples behind those that are buffered, at the rate that goes out. */
  private append(pcm: Int16Array, fromHz: number, now: number): void {
    const resampler = this.resamplerFrom(fromHz, now);
    const samples = resampler ? resampler.outputLength(pcm.length) : pcm.length;
    const needed = this.buffered + samples;
    if (needed > this.buffer.length) {
      const larger = new Int16Array(needed * 2);
      larger.set(this.buffer.subarray(0, this.buffered));
      this.buffer = larger;
    }
    if (resampler) resampler.processInto(pcm, this.buffer, this.buffered);
    else this.buffer.set(pcm, this.buffered);
    this.buffered = needed;
  }

  private resamplerFrom(fromHz: number, now: number): Resampler | undefined {
    const toHz = this.options.sampleRateHz;
    if (fromHz === toHz) return undefined;
    if (this.resampler?.inRateHz !== fromHz) this.resampler = new Resampler(fromHz, toHz);
    // After a pause the end of the last sound is not the beginning of this one.
    else if (this.buffered === 0 && this.playedAtMs < now - LEAST_PATIENCE_MS)
      this.resampler.reset();
    return this.resampler;
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
