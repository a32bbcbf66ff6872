import { Queue } from '../limits/queue.js';
import { type AudioFrame, toMono } from './pcm.js';
import { Resampler } from './resampler/resampler.js';
import type { OutputFormat } from './serializers/media-serializer.js';

/** Outcome of sending audio. */
export type SendOutcome =
  /** Written to the connection. */
  | 'sent'
  /** Dropped by `clear()`. */
  | 'cleared'
  /** Refused: the buffer limit is reached. */
  | 'overflow'
  /** Dropped: the connection has ended, or is about to. */
  | 'disconnected';

/** Audio to send, at any supported sample rate. */
export type OutgoingAudio = Pick<AudioFrame, 'pcm' | 'sampleRateHz'> &
  Partial<Pick<AudioFrame, 'channels'>>;

/** Options of a {@link PacedOutput}. */
export interface PacedOutputOptions extends OutputFormat {
  /** Audio that may be sent ahead of its playback, in milliseconds. */
  readonly aheadMs: number;
  /** Buffer limit, in milliseconds of audio. */
  readonly maxQueueMs: number;
  /** Writes a chunk, whose memory is reused afterwards. Returns false under backpressure. */
  readonly write: (chunk: Int16Array) => boolean;
  /** Reports that a chunk was written, and the length of its audio without padding, in milliseconds. */
  readonly onWritten?: (audioMs: number) => void;
  /** Reports an error of writing outside {@link PacedOutput.send}, which would end the process. */
  readonly onFailure: (thrown: unknown) => void;
}

/** Resampling step, in milliseconds: long audio must not block the event loop for other calls. */
const STEP_MS = 20;
/**
 * Time-out after which an incomplete chunk is padded with silence and sent, in milliseconds; at least one chunk long. A shorter one
 * would put silence before a late frame and delay everything after it.
 */
const MIN_PADDING_DELAY_MS = 60;
/** Retry delay under backpressure, in milliseconds. */
const RETRY_MS = 20;
/** Underrun margin: an incomplete chunk is sent at most this long before playback runs dry, in milliseconds. */
const UNDERRUN_MARGIN_MS = 20;
/** Limit of waiting marks. More are refused, so that a peer under backpressure cannot let them pile up. */
const MAX_MARKS = 1_000;
/** Smallest size that queued audio counts with, in milliseconds: an item takes memory beside its samples. */
const MIN_QUEUED_MS = 1;

const SENT = Promise.resolve<SendOutcome>('sent');

type Settle = (outcome: SendOutcome) => void;

type QueueItem = QueuedAudio | { readonly mark: Settle };

interface QueuedAudio extends Required<OutgoingAudio> {
  /** Samples converted so far, over all channels. */
  taken: number;
  /** Size of the rest in the queue, in milliseconds. */
  leftMs: number;
  settle?: Settle;
}

/**
 * Pacing of outgoing audio: resamples it and writes chunks of one size in real time. It stays only `aheadMs` ahead of playback, so
 * that barge-in can still drop most of an interrupted sentence.
 */
export class PacedOutput {
  private readonly queue = new Queue<QueueItem>();
  private queuedMs = 0;
  private resampler: Resampler | undefined;
  /** Resampled samples, the next chunk first. */
  private buffer: Int16Array;
  private buffered = 0;
  /** Marks by their position in the buffered samples. */
  private marks: { after: number; readonly settle: Settle }[] = [];
  /** Number of waiting marks, here and in the queue. */
  private marksWaiting = 0;
  /** End of playback of everything written, in milliseconds of `performance.now()`. */
  private playedAtMs = 0;
  private lastInputMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private timerAtMs = 0;
  private ended = false;
  private paused = false;
  private readonly chunkMs: number;
  private readonly paddingDelayMs: number;

  constructor(private readonly options: PacedOutputOptions) {
    // Otherwise a pump would never end.
    for (const name of ['chunkSamples', 'sampleRateHz'] as const) {
      if (!Number.isSafeInteger(options[name]) || options[name] < 1) {
        throw new RangeError(`output.${name} must be a whole number, at least 1`);
      }
    }
    this.buffer = new Int16Array(options.chunkSamples * 2);
    this.chunkMs = durationMs(options.chunkSamples, options.sampleRateHz);
    this.paddingDelayMs = Math.max(MIN_PADDING_DELAY_MS, this.chunkMs);
  }

  /** End of playback of everything written, in milliseconds of `performance.now()`; 0 when nothing was, since {@link clear}. */
  get playbackEndMs(): number {
    return this.playedAtMs;
  }

  /** Time until everything written has been played, in milliseconds. */
  get aheadMs(): number {
    return Math.max(0, this.playedAtMs - performance.now());
  }

  /** True when the buffer limit is reached. */
  get isFull(): boolean {
    return this.queuedMs >= this.options.maxQueueMs;
  }

  /** True while audio or marks wait to be written. */
  get isPending(): boolean {
    return this.buffered > 0 || this.queue.length > 0;
  }

  /** Audio that waits to be written, in milliseconds. */
  get waitingMs(): number {
    return this.queuedMs + durationMs(this.buffered, this.options.sampleRateHz);
  }

  /** Queues audio and resolves with its outcome. The samples must not change until then. Never rejects. */
  send({ pcm, sampleRateHz, channels = 1 }: OutgoingAudio): Promise<SendOutcome> {
    if (this.ended) return Promise.resolve('disconnected');
    if (this.isFull) return Promise.resolve('overflow');
    const leftMs = Math.max(MIN_QUEUED_MS, durationMs(pcm.length / channels, sampleRateHz));
    const audio: QueuedAudio = { pcm, sampleRateHz, channels, taken: 0, leftMs };
    this.queue.push(audio);
    this.queuedMs += leftMs;
    this.lastInputMs = performance.now();
    this.pump();
    // Most audio is written at once and needs no promise of its own.
    if (audio.taken === audio.pcm.length) return SENT;
    return new Promise((resolve) => (audio.settle = resolve));
  }

  /** Calls back when all audio before the mark is written or dropped; at once with `overflow` when too many marks wait. */
  mark(settle: Settle): void {
    if (this.ended) return settle('disconnected');
    if (this.marksWaiting >= MAX_MARKS) return settle('overflow');
    this.marksWaiting++;
    this.whenWritten((outcome) => {
      this.marksWaiting--;
      settle(outcome);
    });
  }

  /** Calls back when all queued audio is written or dropped. Unlike a mark it is never refused. */
  whenWritten(settle: Settle): void {
    if (this.ended) return settle('disconnected');
    this.queue.push({ mark: settle });
    this.pump();
  }

  /** Drops all queued audio and marks. */
  clear(): void {
    this.drop('cleared');
    this.resampler?.reset();
    this.playedAtMs = 0;
    this.paused = false;
  }

  get isPaused(): boolean {
    return this.paused;
  }

  /** Writes nothing until {@link resume} or {@link clear}. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.pump();
  }

  /** Drops all queued audio and marks, and refuses more. */
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

  /** Writes the chunks that are due. */
  private pump(): void {
    const { aheadMs, chunkSamples, write, onWritten } = this.options;
    while (!this.ended && !this.paused) {
      const now = performance.now();
      const waitMs = this.playedAtMs - now - aheadMs;
      if (waitMs >= 0 && this.isPending) return this.wakeIn(waitMs);
      let audioMs = this.chunkMs;
      if (this.buffered < chunkSamples) {
        if (this.resampleNext(now)) continue;
        if (this.buffered === 0) return;
        const dueMs = Math.max(
          this.lastInputMs + this.paddingDelayMs,
          this.playedAtMs - UNDERRUN_MARGIN_MS,
        );
        if (dueMs > now) return this.wakeIn(dueMs - now);
        audioMs = durationMs(this.buffered, this.options.sampleRateHz);
        this.buffer.fill(0, this.buffered, chunkSamples);
        this.buffered = chunkSamples;
      }
      if (!write(this.buffer.subarray(0, chunkSamples))) return this.wakeIn(RETRY_MS);
      this.playedAtMs = Math.max(this.playedAtMs, now) + this.chunkMs;
      onWritten?.(audioMs);
      this.buffer.copyWithin(0, chunkSamples, this.buffered);
      this.buffered -= chunkSamples;
      this.settleMarks(chunkSamples);
    }
  }

  /** Resamples the next step of the queue. @returns false when the queue is empty */
  private resampleNext(now: number): boolean {
    const next = this.queue.peek();
    if (!next) return false;
    if ('mark' in next) {
      this.queue.shift();
      if (this.buffered === 0) next.mark('sent');
      else this.marks.push({ after: this.buffered, settle: next.mark });
      return true;
    }
    const { pcm, sampleRateHz, channels, taken } = next;
    // The length is 0 when the bot has transferred the memory meanwhile, such as to a worker.
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

  /** Appends samples to the buffer at the output rate. */
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
    // After a pause the filter must not mix the previous audio into this one.
    else if (this.buffered === 0 && this.playedAtMs < now - MIN_PADDING_DELAY_MS)
      this.resampler.reset();
    return this.resampler;
  }

  private settleMarks(samples: number): void {
    if (this.marks.length === 0) return;
    for (const mark of this.marks) mark.after -= samples;
    while (this.marks[0] && this.marks[0].after <= 0) this.marks.shift()!.settle('sent');
  }

  private wakeIn(ms: number): void {
    if (this.ended) return;
    const atMs = performance.now() + ms;
    if (this.timer) {
      if (this.timerAtMs <= atMs) return;
      clearTimeout(this.timer);
    }
    this.timerAtMs = atMs;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      try {
        this.pump();
      } catch (thrown) {
        this.options.onFailure(thrown);
      }
    }, Math.ceil(ms));
  }
}

const durationMs = (samples: number, rateHz: number): number => (samples * 1_000) / rateHz;
