import { type AudioFrame, ownPcm, toMono, checkAudioRate, isAudioRate } from './pcm.js';
import type {
  HangUpOutcome,
  MediaEnd,
  MediaConnection,
  TransferOptions,
  TransferOutcome,
} from './media-connection.js';
import {
  type MediaTransportOptions,
  resolveMediaTransportOptions,
} from './media-transport.options.js';
import { type OutgoingAudio, PacedOutput, type SendOutcome } from './paced-output.js';
import { BufferedEmitter, type BufferLimit, MESSAGE_BUFFER } from './buffered-emitter.js';
import { Resampler } from './resampler/resampler.js';
import {
  isDtmfDigit,
  type MediaCapabilities,
  type MediaTranscription,
} from './serializers/media-serializer.js';

/** Observer of a {@link MediaTransport}, for the runner. */
export interface MediaTransportObserver {
  /** Reports each kind of recoverable problem once. */
  warn(message: string): void;
  /** Reports an error that a listener of the bot threw or rejected with. */
  fail(error: unknown): void;
  /** Reports that the bot begins to hang up. */
  hangingUp?(): void;
  /** Reports the end of the media, once. */
  ended(end: MediaEnd): void;
}

/** State of the media connection. */
export type MediaState = 'connecting' | 'connected' | 'disconnected';

/** Outcome of a mark. */
export type MarkOutcome = 'played' | 'cleared' | 'disconnected';

/** Media counters. */
export interface MediaStats {
  /** Audio frames received. */
  audioIn: number;
  /** Audio chunks sent. */
  audioOut: number;
  /** Audio frames, DTMF digits and messages dropped because the bot did not read them in time. */
  unread: number;
  /** Calls of `sendAudio` refused because the buffer limit was reached. */
  overflowed: number;
  /** Malformed input, by kind. */
  readonly malformed: Record<string, number>;
}

/** @see MediaTransport */
export interface MediaTransportEvents {
  connected: [];
  disconnected: [end: MediaEnd];
  /** Received audio, mono. */
  audio: [frame: AudioFrame];
  /** A DTMF digit: `0` to `9`, `*`, `#`, `A` to `D`. */
  dtmf: [digit: string];
  /** An application message. */
  message: [message: unknown];
  /** Text of a protobuf client. */
  text: [text: string];
  transcription: [transcription: MediaTranscription];
  /** Barge-in: the client interrupts the bot. */
  interruption: [];
}

const HUNG_UP: MediaEnd = { reason: 'closed', message: 'The bot hung up.' };
const TRANSFERRED: MediaEnd = { reason: 'closed', message: 'The call was transferred.' };

/** Limit of unconfirmed marks. Beyond it the oldest counts as played, because later ones were sent long ago. */
const MAX_MARKS = 1_000;
/** Smallest size that buffered audio counts with, in milliseconds. */
const MIN_BUFFERED_MS = 1;

/**
 * Media of a bot: audio, DTMF and application messages, the same on every transport. `createTransport(args)` creates it. It ends
 * with the connection or the session.
 *
 * Input is available as events and as async iterators. Events are buffered until the first listener or iterator is attached. DTMF
 * digits, messages, texts and transcriptions are also buffered whenever there is no listener later; audio is not.
 *
 * @example
 * ```ts
 * const transport = await createTransport(args);
 * for await (const frame of transport.audioIn()) void transport.sendAudio(frame);
 * ```
 */
export class MediaTransport extends BufferedEmitter<MediaTransportEvents> {
  readonly stats: MediaStats = { audioIn: 0, audioOut: 0, unread: 0, overflowed: 0, malformed: {} };
  private readonly sampleRateHz: number | 'native';
  private readonly output: PacedOutput;
  private resampler: Resampler | undefined;
  private receivedMs = 0;
  private currentState: MediaState = 'connecting';
  private readonly marks = new Map<string, (outcome: MarkOutcome) => void>();
  private markCount = 0;
  private readonly warned = new Set<string>();
  private hangingUp: Promise<HangUpOutcome> | undefined;
  private transferring: Promise<TransferOutcome> | undefined;

  /** @internal use {@link createTransport} */
  constructor(
    private readonly connection: MediaConnection,
    options: MediaTransportOptions = {},
    private readonly observer?: MediaTransportObserver,
  ) {
    const { sampleRateHz, sendAheadMs, maxQueueMs, maxBacklogMs } =
      resolveMediaTransportOptions(options);
    super(bufferLimits(maxBacklogMs));
    this.sampleRateHz = sampleRateHz;
    this.output = new PacedOutput({
      ...connection.output,
      aheadMs: sendAheadMs,
      maxQueueMs,
      write: (chunk) => this.write(chunk),
    });
    connection.open({
      connected: () => this.connected(),
      audio: (...args) => this.receiveAudio(...args),
      dtmf: (digit) =>
        isDtmfDigit(digit)
          ? this.emitUnlessEnded('dtmf', digit)
          : this.countMalformed('a dtmf without its key'),
      message: (message) => this.emitUnlessEnded('message', message),
      text: (text) => this.emitUnlessEnded('text', text),
      transcription: (transcription) => this.emitUnlessEnded('transcription', transcription),
      interruption: () => this.emitUnlessEnded('interruption'),
      markPlayed: (name) => this.settleMark(name, 'played'),
      malformed: (what, detail) => this.countMalformed(what, detail),
      disconnected: (end) => this.ended(end),
    });
  }

  /** Capabilities of the transport beside audio. */
  get capabilities(): MediaCapabilities {
    return this.connection.capabilities;
  }

  get state(): MediaState {
    return this.currentState;
  }

  /** Returns an independent iterator over received audio, mono, until the connection or session ends or `signal` aborts. */
  audioIn(signal?: AbortSignal): AsyncIterableIterator<AudioFrame> {
    return this.iterateUntilEnd('audio', signal);
  }

  /** Returns an iterator over received DTMF digits, as {@link audioIn} does. */
  dtmfIn(signal?: AbortSignal): AsyncIterableIterator<string> {
    return this.iterateUntilEnd('dtmf', signal);
  }

  /** Returns an iterator over received application messages, as {@link audioIn} does. */
  messages(signal?: AbortSignal): AsyncIterableIterator<unknown> {
    return this.iterateUntilEnd('message', signal);
  }

  /**
   * Queues audio after the audio that is queued already. Resolves when it is sent or dropped; the samples must not change until
   * then. Never rejects.
   *
   * @throws {TypeError} when `pcm` is no `Int16Array`
   * @throws {RangeError} for an unsupported sample rate or an invalid number of channels
   */
  sendAudio(audio: OutgoingAudio): Promise<SendOutcome> {
    if (!(audio.pcm instanceof Int16Array)) {
      throw new TypeError('pcm must be an Int16Array; pcmFromBytes(buffer) makes one of bytes');
    }
    checkAudioRate(audio.sampleRateHz);
    const { channels = 1 } = audio;
    if (!Number.isInteger(channels) || channels < 1) {
      throw new RangeError('channels must be a whole number, at least 1');
    }
    if (this.output.isFull) {
      this.stats.overflowed++;
      this.warnOnce('overflow', 'audio is sent faster than it is spoken; some of it is dropped');
    }
    return this.output.send(audio);
  }

  /** Barge-in: drops audio that has not been played, here and, with `capabilities.remoteClear`, at the client or carrier. */
  clear(): void {
    this.output.clear();
    this.settleMarks('cleared');
    if (this.currentState === 'connected') this.connection.clear();
  }

  /**
   * Resolves when all audio sent before the mark has been played. With more than 1,000 unconfirmed marks the oldest counts as played;
   * with more than 1,000 unsent marks the new one is `cleared` at once.
   *
   * @param name a label, visible in the messages on the wire
   * @throws {TypeError} when `name` is no string
   */
  mark(name: string): Promise<MarkOutcome> {
    // Checked here, because later it would throw from a timer.
    if (typeof name !== 'string') throw new TypeError('name must be a string');
    return new Promise((resolve) => {
      this.output.mark((outcome) => {
        if (outcome === 'sent') this.awaitPlayback(name, resolve);
        else resolve(outcome === 'disconnected' ? 'disconnected' : 'cleared');
      });
    });
  }

  /**
   * Sends DTMF digits: `0` to `9`, `*`, `#`, `A` to `D`.
   * @returns false when the transport cannot
   * @throws {RangeError} for other characters
   */
  async sendDtmf(digits: string): Promise<boolean> {
    if (!/^[0-9*#A-D]+$/.test(digits)) {
      throw new RangeError('digits must be some of 0 to 9, *, #, A to D');
    }
    if (!this.capabilities.dtmfOut || this.currentState !== 'connected') return false;
    return this.connection.sendDtmf(digits);
  }

  /** Emits `dtmf` for a digit from elsewhere, such as an RTVI client. @throws {RangeError} for anything but a DTMF digit */
  keyPressed(digit: string): void {
    if (!isDtmfDigit(digit)) throw new RangeError('digit must be one of 0 to 9, *, #, A to D');
    this.emitUnlessEnded('dtmf', digit);
  }

  /** Sends an application message. @returns false when the transport cannot */
  sendMessage(message: unknown): boolean {
    if (!this.capabilities.messages || this.currentState !== 'connected') return false;
    return this.connection.sendMessage(message);
  }

  /** Ends the call through the provider's API where possible, and the connection. Idempotent. Never rejects. */
  hangUp(): Promise<HangUpOutcome> {
    if (!this.hangingUp) {
      this.observer?.hangingUp?.();
      this.hangingUp = this.connection.hangUp().then((outcome) => {
        if (!outcome.ok) this.observer?.warn(`hanging up failed: ${outcome.error}`);
        this.close(HUNG_UP);
        return outcome;
      });
    }
    return this.hangingUp;
  }

  /** True for a phone call of a carrier whose `credentials` are configured: {@link transfer} can put it through. */
  get canTransfer(): boolean {
    return this.connection.transfer !== undefined;
  }

  /**
   * Transfers the call through the carrier's API. On success the connection is closed; on failure the call goes on with the bot.
   * Never rejects.
   *
   * @param target a phone number in E.164, or a SIP URI
   */
  async transfer(target: string, options: TransferOptions = {}): Promise<TransferOutcome> {
    const { transfer } = this.connection;
    if (!transfer) {
      return failed(
        'This call cannot be transferred: there is no carrier, or no credentials for it.',
      );
    }
    if (this.currentState === 'disconnected' || this.hangingUp) return failed('The call is over.');
    if (this.transferring) return failed('The call is being transferred already.');
    this.transferring = transfer(target, options);
    const outcome = await this.transferring;
    this.transferring = undefined;
    if (outcome.ok) this.close(TRANSFERRED);
    else this.observer?.warn(`the call was not transferred: ${outcome.error}`);
    return outcome;
  }

  /** Ends the connection. @param end the reason, as `disconnected` reports it */
  close(end: MediaEnd = { reason: 'closed', message: 'The bot closed the connection.' }): void {
    if (this.currentState === 'disconnected') return;
    this.disconnect(end);
    void this.connection.close(end);
  }

  /** @internal Ends the connection because the session ended. */
  abort(end: MediaEnd): void {
    if (this.currentState === 'disconnected') return;
    this.disconnect(end);
    void this.connection.close({ ...end, reason: 'aborted' });
  }

  private connected(): void {
    if (this.currentState !== 'connecting') return;
    this.currentState = 'connected';
    this.notify('connected');
  }

  /** During a transfer, `peer_left` means that the carrier took the call or the caller hung up; the outcome decides. */
  private ended(cause: MediaEnd): void {
    if (!this.transferring || cause.reason !== 'peer_left') return this.disconnect(cause);
    void this.transferring.then(({ ok }) => this.disconnect(ok ? TRANSFERRED : cause));
  }

  private disconnect(cause: MediaEnd): void {
    if (this.currentState === 'disconnected') return;
    this.currentState = 'disconnected';
    // The peer leaves because the bot hangs up.
    const end = this.hangingUp && cause.reason === 'peer_left' ? HUNG_UP : cause;
    this.output.end();
    this.settleMarks('disconnected');
    this.observer?.ended(end);
    this.notify('disconnected', end);
    this.endIterations();
  }

  /** Emits input of the client; ignored after the end. */
  private emitUnlessEnded<E extends keyof MediaTransportEvents>(
    event: E,
    ...args: MediaTransportEvents[E]
  ): void {
    if (this.currentState !== 'disconnected') this.notify(event, ...args);
  }

  private receiveAudio(
    pcm: Int16Array,
    fromHz: number,
    channels: number,
    timestampMs?: number,
  ): void {
    if (this.currentState === 'disconnected') return;
    if (!isAudioRate(fromHz))
      return this.countMalformed('audio of a sample rate that is not in use');
    const mono = toMono(pcm, channels);
    if (mono.length === 0) return;
    this.stats.audioIn++;
    const startMs = timestampMs ?? this.receivedMs;
    this.receivedMs = startMs + (mono.length * 1_000) / fromHz;
    const sampleRateHz = this.sampleRateHz === 'native' ? fromHz : this.sampleRateHz;
    let resampled: Int16Array;
    if (fromHz === sampleRateHz) resampled = ownPcm(mono);
    else {
      if (this.resampler?.inRateHz !== fromHz) this.resampler = new Resampler(fromHz, sampleRateHz);
      resampled = this.resampler.process(mono);
    }
    if (resampled.length === 0) return;
    this.notify('audio', { pcm: resampled, sampleRateHz, channels: 1, timestampMs: startMs });
  }

  private write(chunk: Int16Array): boolean {
    if (this.currentState !== 'connected' || !this.connection.sendAudio(chunk)) return false;
    this.stats.audioOut++;
    return true;
  }

  private awaitPlayback(name: string, settle: (outcome: MarkOutcome) => void): void {
    // The number keeps marks of the same name apart.
    const id = `${++this.markCount}:${name}`;
    if (this.capabilities.marks === 'confirmed') {
      this.marks.set(id, settle);
      if (this.marks.size > MAX_MARKS) {
        this.warnOnce('marks', 'the peer does not confirm that marks were played');
        this.settleMark(this.marks.keys().next().value!, 'played');
      }
      this.connection.mark(id);
      return;
    }
    const timer = setTimeout(() => this.settleMark(id, 'played'), this.output.aheadMs);
    this.marks.set(id, (outcome) => {
      clearTimeout(timer);
      settle(outcome);
    });
  }

  private settleMark(id: string, outcome: MarkOutcome): void {
    this.marks.get(id)?.(outcome);
    this.marks.delete(id);
  }

  private settleMarks(outcome: MarkOutcome): void {
    for (const id of this.marks.keys()) this.settleMark(id, outcome);
  }

  private countMalformed(what: string, detail?: string): void {
    if (this.currentState === 'disconnected') return;
    const { malformed } = this.stats;
    malformed[what] = (malformed[what] ?? 0) + 1;
    if (malformed[what] > 1) return;
    this.observer?.warn(`the other side sent ${what}${detail ? ` (${detail})` : ''}; ignored`);
  }

  private warnOnce(kind: string, message: string): void {
    if (this.warned.has(kind)) return;
    this.warned.add(kind);
    this.observer?.warn(message);
  }

  protected override dropped(count: number): void {
    this.stats.unread += count;
    this.warnOnce('unread', 'the bot does not read its input in time; the oldest is dropped');
  }

  /** @internal Reports an error of the bot's own code. */
  override fail(error: unknown): void {
    if (!this.observer) throw error;
    this.observer.fail(error);
  }

  private iterateUntilEnd<E extends 'audio' | 'dtmf' | 'message'>(event: E, signal?: AbortSignal) {
    const iteration = this.iterate(event, signal);
    if (this.currentState === 'disconnected') this.endIterations();
    return iteration;
  }
}

const failed = (error: string): TransferOutcome => ({ ok: false, error });

/** Buffer limits by event. */
function bufferLimits(maxBacklogMs: number): {
  [E in keyof MediaTransportEvents]: BufferLimit<MediaTransportEvents[E][0]>;
} {
  const buffer = MESSAGE_BUFFER;
  const lasting = { ...buffer, lasting: true };
  const audio: BufferLimit<AudioFrame> = {
    limit: maxBacklogMs,
    sizeOf: ({ pcm, sampleRateHz }) =>
      Math.max(MIN_BUFFERED_MS, (pcm.length * 1_000) / sampleRateHz),
  };
  return {
    connected: buffer,
    disconnected: buffer,
    audio,
    dtmf: lasting,
    message: lasting,
    text: lasting,
    transcription: lasting,
    interruption: buffer,
  };
}
