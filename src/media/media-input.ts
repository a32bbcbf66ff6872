import { types } from 'node:util';
import { AudioInput } from './audio-input.js';
import { BufferedEmitter } from './buffered-emitter.js';
import type { MediaConnectionEvents } from './media-connection.js';
import {
  bufferLimits,
  type MediaStats,
  type MediaTransportEvents,
  type MediaTransportObserver,
} from './media-transport.events.js';
import type { MediaTransportOptions } from './media-transport.options.js';
import {
  type AudioFrame,
  checkAudioRate,
  checkChannels,
  isAudioRate,
  isChannels,
  toMono,
} from './pcm.js';
import { isDtmfDigit } from './serializers/media-serializer.js';

type ReceivedAudio = Parameters<MediaConnectionEvents['audio']>;

/** Events of a connection that are input of the bot. */
type InputEvents = Omit<MediaConnectionEvents, 'connected' | 'disconnected' | 'markPlayed'>;

/** Received media of a bot, as events and as async iterators: the input of a `MediaTransport`. */
export abstract class MediaInput extends BufferedEmitter<MediaTransportEvents> {
  readonly stats: MediaStats = { audioIn: 0, audioOut: 0, unread: 0, overflowed: 0, malformed: {} };
  private readonly input: AudioInput;
  private readonly warned = new Set<string>();
  /** @internal */
  protected readonly observer: MediaTransportObserver | undefined;

  /** @internal */
  constructor(
    { sampleRateHz, maxBacklogMs }: Required<MediaTransportOptions>,
    observer?: MediaTransportObserver,
  ) {
    super(bufferLimits(maxBacklogMs), observer?.bot);
    this.observer = observer;
    this.input = new AudioInput(sampleRateHz);
  }

  /** @internal False when input is ignored. */
  protected abstract get takesInput(): boolean;

  /** Returns an independent iterator over received audio, mono, until the connection or session ends or `signal` aborts. */
  audioIn(signal?: AbortSignal): AsyncIterableIterator<AudioFrame> {
    return this.iterate('audio', signal);
  }

  /** Returns an iterator over received DTMF digits, as {@link audioIn} does. */
  dtmfIn(signal?: AbortSignal): AsyncIterableIterator<string> {
    return this.iterate('dtmf', signal);
  }

  /** Returns an iterator over received application messages, as {@link audioIn} does. */
  messages(signal?: AbortSignal): AsyncIterableIterator<unknown> {
    return this.iterate('message', signal);
  }

  /** Emits `dtmf` for a digit from elsewhere, such as an RTVI client. @throws {RangeError} for anything but a DTMF digit */
  keyPressed(digit: string): void {
    if (!isDtmfDigit(digit)) throw new RangeError('digit must be one of 0 to 9, *, #, A to D');
    this.emitUnlessEnded('dtmf', digit);
  }

  /**
   * Emits `audio` for audio from elsewhere, such as an RTVI client.
   * @param pcm samples, interleaved where there are several channels
   * @throws {RangeError} for an unsupported sample rate or an invalid number of channels
   */
  audioReceived(pcm: Int16Array, sampleRateHz: number, channels = 1): void {
    checkAudioRate(sampleRateHz);
    checkChannels(channels);
    this.receiveAudio([pcm, sampleRateHz, channels, undefined]);
  }

  /** @internal Handlers of the connection's input. */
  protected inputEvents(): InputEvents {
    return {
      audio: (...audio) => this.receiveAudio(audio),
      dtmf: (digit) =>
        isDtmfDigit(digit)
          ? this.emitUnlessEnded('dtmf', digit)
          : this.countMalformed('a dtmf without its key'),
      message: (message) => this.emitUnlessEnded('message', message),
      text: (text) => this.emitUnlessEnded('text', text),
      transcription: (transcription) => this.emitUnlessEnded('transcription', transcription),
      interruption: () => this.emitUnlessEnded('interruption'),
      malformed: (what, detail) => this.countMalformed(what, detail),
    };
  }

  /** Emits input of the client. */
  private emitUnlessEnded<E extends keyof MediaTransportEvents>(
    event: E,
    ...args: MediaTransportEvents[E]
  ): void {
    if (this.takesInput) this.notify(event, ...args);
  }

  private receiveAudio([pcm, fromHz, channels, timestampMs]: ReceivedAudio): void {
    if (!this.takesInput) return;
    if (!isAudioRate(fromHz))
      return this.countMalformed('audio of a sample rate that is not in use');
    if (!isChannels(channels) || !types.isInt16Array(pcm))
      return this.countMalformed('audio without samples or channels');
    const mono = toMono(pcm, channels);
    if (mono.length === 0) return;
    this.stats.audioIn++;
    const frame = this.input.frameOf(mono, fromHz, timestampMs);
    if (frame) this.notify('audio', frame);
  }

  private countMalformed(what: string, detail?: string): void {
    if (!this.takesInput) return;
    const { malformed } = this.stats;
    malformed[what] = (malformed[what] ?? 0) + 1;
    const more = detail ? ` (${detail})` : '';
    this.warnOnce(`malformed ${what}`, `the other side sent ${what}${more}; ignored`);
  }

  /** @internal */
  protected warnOnce(kind: string, message: string): void {
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
}
