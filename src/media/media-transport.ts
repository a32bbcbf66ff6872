import type { AudioFrame } from './audio-frame.js';
import { checkAudioRate, isAudioRate } from './audio-rates.js';
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
import { BufferedEmitter, type BufferLimit } from './buffered-emitter.js';
import { ownPcm, toMono } from './pcm.js';
import { Resampler } from './resampler/resampler.js';
import {
  isDtmfDigit,
  type MediaCapabilities,
  type MediaTranscription,
} from './serializers/media-serializer.js';
import { MESSAGE_BUFFER } from './weight-of.js';

/** Who is told of what happens on its own. */
export interface MediaTransportObserver {
  /** Told once of each kind of trouble that the call survives. */
  warn(message: string): void;
  /** Told when a listener of the bot throws or rejects. */
  fail(error: unknown): void;
  /** Told when the bot begins to hang up. */
  hangingUp?(): void;
  /** Told once that the media are over, and why. */
  ended(end: MediaEnd): void;
}

/** Where the connection is. */
export type MediaState = 'connecting' | 'connected' | 'disconnected';

/** What became of a mark. */
export type MarkOutcome = 'played' | 'cleared' | 'disconnected';

/** What was counted so far. */
export interface MediaStats {
  /** Pieces of audio that came in. */
  audioIn: number;
  /** Chunks of audio that went out. */
  audioOut: number;
  /** Pieces of audio, keys or messages that the bot did not read in time. */
  unread: number;
  /** Pieces of the bot's audio for which there was no room. */
  overflowed: number;
  /** What could not be used, by what it was. */
  readonly malformed: Record<string, number>;
}

/** @see MediaTransport */
export interface MediaTransportEvents {
  connected: [];
  disconnected: [end: MediaEnd];
  /** The bot hears. */
  audio: [frame: AudioFrame];
  /** A key of the phone: `0` to `9`, `*`, `#`, `A` to `D`. */
  dtmf: [digit: string];
  /** An application message. */
  message: [message: unknown];
  /** Text of a protobuf client. */
  text: [text: string];
  transcription: [transcription: MediaTranscription];
  /** The other side interrupts the bot. */
  interruption: [];
}

const HUNG_UP: MediaEnd = { reason: 'closed', message: 'The bot hung up.' };
const TRANSFERRED: MediaEnd = { reason: 'closed', message: 'The call was transferred.' };

/** So many marks wait to be confirmed; then the oldest counts as played, for later ones were sent long ago. */
const MAX_MARKS = 1_000;
/** What a piece of audio that waits counts at least, in milliseconds. */
const LEAST_WAITING_MS = 1;

/**
 * A bot's ears and mouth: audio, keys and application messages, the same on every transport. It is open as long as the connection
 * is, and the session lasts. `createTransport(args)` makes it.
 *
 * What is heard can be had as events or by iteration. Of each kind, what came before the bot first asked for it is kept. Keys, messages,
 * texts and transcriptions also wait for the next who asks whenever nobody listens; audio does not.
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
  private msIn = 0;
  private currentState: MediaState = 'connecting';
  private readonly marks = new Map<string, (outcome: MarkOutcome) => void>();
  private marksMade = 0;
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
    super(roomsFor(maxBacklogMs));
    this.sampleRateHz = sampleRateHz;
    this.output = new PacedOutput({
      ...connection.output,
      aheadMs: sendAheadMs,
      maxQueueMs,
      write: (chunk) => this.write(chunk),
    });
    connection.open({
      connected: () => this.connected(),
      audio: (...args) => this.hear(...args),
      dtmf: (digit) =>
        isDtmfDigit(digit)
          ? this.report('dtmf', digit)
          : this.countMalformed('a dtmf without its key'),
      message: (message) => this.report('message', message),
      text: (text) => this.report('text', text),
      transcription: (transcription) => this.report('transcription', transcription),
      interruption: () => this.report('interruption'),
      markPlayed: (name) => this.settleMark(name, 'played'),
      malformed: (what, detail) => this.countMalformed(what, detail),
      disconnected: (end) => this.ended(end),
    });
  }

  /** What this transport can do beside audio. */
  get capabilities(): MediaCapabilities {
    return this.connection.capabilities;
  }

  get state(): MediaState {
    return this.currentState;
  }

  /** What is heard, mono, until the connection or the session ends or `signal` aborts. Each call iterates on its own. */
  audioIn(signal?: AbortSignal): AsyncIterableIterator<AudioFrame> {
    return this.follow('audio', signal);
  }

  /** The keys that are pressed, likewise. */
  dtmfIn(signal?: AbortSignal): AsyncIterableIterator<string> {
    return this.follow('dtmf', signal);
  }

  /** The application messages, likewise. */
  messages(signal?: AbortSignal): AsyncIterableIterator<unknown> {
    return this.follow('message', signal);
  }

  /**
   * Speaks, after what is being spoken. Resolves when the audio is handed on, or dropped; the samples must stay as they are
   * until then. Never rejects.
   *
   * @throws {TypeError} when `pcm` is no `Int16Array`
   * @throws {RangeError} for a sample rate that is not in use, or a number of channels that cannot be
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
      this.warnOnce('overflow', `audio is sent faster than it is spoken; some of it is dropped`);
    }
    return this.output.send(audio);
  }

  /** Barge-in: drops what is not spoken yet, here and, where it can, at the other side. */
  clear(): void {
    this.output.clear();
    this.settleMarks('cleared');
    if (this.currentState === 'connected') this.connection.clear();
  }

  /**
   * Resolves when everything sent before was played. Of a thousand that the other side does not confirm the oldest counts as played; one
   * more than a thousand that cannot be sent is cleared at once.
   *
   * @param name for whoever reads the messages on the wire
   * @throws {TypeError} when it is no string
   */
  mark(name: string): Promise<MarkOutcome> {
    // Or it would throw once its turn comes, from a timer.
    if (typeof name !== 'string') throw new TypeError('name must be a string');
    return new Promise((resolve) => {
      this.output.mark((outcome) => {
        if (outcome === 'sent') this.awaitPlayed(name, resolve);
        else resolve(outcome === 'disconnected' ? 'disconnected' : 'cleared');
      });
    });
  }

  /**
   * Presses keys of a phone: `0` to `9`, `*`, `#`, `A` to `D`.
   * @returns false where the transport cannot
   * @throws {RangeError} for other keys
   */
  async sendDtmf(digits: string): Promise<boolean> {
    if (!/^[0-9*#A-D]+$/.test(digits)) {
      throw new RangeError('digits must be some of 0 to 9, *, #, A to D');
    }
    if (!this.capabilities.dtmfOut || this.currentState !== 'connected') return false;
    return this.connection.sendDtmf(digits);
  }

  /**
   * Tells of a key that was pressed elsewhere than on a phone, such as in an RTVI client.
   * @throws {RangeError} for what is no key of a phone
   */
  keyPressed(digit: string): void {
    if (!isDtmfDigit(digit)) throw new RangeError('digit must be one of 0 to 9, *, #, A to D');
    this.report('dtmf', digit);
  }

  /** Sends an application message. @returns false where the transport cannot */
  sendMessage(message: unknown): boolean {
    if (!this.capabilities.messages || this.currentState !== 'connected') return false;
    return this.connection.sendMessage(message);
  }

  /** Ends the call at the provider where it can, and the connection. Tells how it went; never rejects. */
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

  /** True when {@link transfer} can put the call through: it is a phone call, of a carrier whose `credentials` are there. */
  get canTransfer(): boolean {
    return this.connection.transfer !== undefined;
  }

  /**
   * Puts the call through to somebody else, through the carrier's API. Once it has taken the call over the connection is closed; when it has not, the
   * call goes on with the bot. Tells how it went; never rejects.
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

  /** Ends the connection. @param end why, for whoever listens to `disconnected` */
  close(end: MediaEnd = { reason: 'closed', message: 'The bot closed the connection.' }): void {
    if (this.currentState === 'disconnected') return;
    this.disconnect(end);
    void this.connection.close(end);
  }

  /** @internal The session ended, and ends the connection in its own way. @param end the same */
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

  /** While a transfer is under way, either the carrier takes the call away or the caller has hung up: the outcome tells. */
  private ended(cause: MediaEnd): void {
    if (!this.transferring || cause.reason !== 'peer_left') return this.disconnect(cause);
    void this.transferring.then(({ ok }) => this.disconnect(ok ? TRANSFERRED : cause));
  }

  private disconnect(cause: MediaEnd): void {
    if (this.currentState === 'disconnected') return;
    this.currentState = 'disconnected';
    // Who is hung up on leaves.
    const end = this.hangingUp && cause.reason === 'peer_left' ? HUNG_UP : cause;
    this.output.end();
    this.settleMarks('disconnected');
    this.observer?.ended(end);
    this.notify('disconnected', end);
    this.endIterations();
  }

  /** Tells of what came from the other side; after the end there is nothing to tell. */
  private report<E extends keyof MediaTransportEvents>(
    event: E,
    ...args: MediaTransportEvents[E]
  ): void {
    if (this.currentState !== 'disconnected') this.notify(event, ...args);
  }

  private hear(pcm: Int16Array, fromHz: number, channels: number, timestampMs?: number): void {
    if (this.currentState === 'disconnected') return;
    if (!isAudioRate(fromHz))
      return this.countMalformed('audio of a sample rate that is not in use');
    const mono = toMono(pcm, channels);
    if (mono.length === 0) return;
    this.stats.audioIn++;
    const startMs = timestampMs ?? this.msIn;
    this.msIn = startMs + (mono.length * 1_000) / fromHz;
    const sampleRateHz = this.sampleRateHz === 'native' ? fromHz : this.sampleRateHz;
    let heard: Int16Array;
    if (fromHz === sampleRateHz) heard = ownPcm(mono);
    else {
      if (this.resampler?.inRateHz !== fromHz) this.resampler = new Resampler(fromHz, sampleRateHz);
      heard = this.resampler.process(mono);
    }
    // Too little for a sample at that rate.
    if (heard.length === 0) return;
    this.notify('audio', { pcm: heard, sampleRateHz, channels: 1, timestampMs: startMs });
  }

  private write(chunk: Int16Array): boolean {
    if (this.currentState !== 'connected' || !this.connection.sendAudio(chunk)) return false;
    this.stats.audioOut++;
    return true;
  }

  private awaitPlayed(name: string, settle: (outcome: MarkOutcome) => void): void {
    // Marks of the same name must not be taken for each other.
    const id = `${++this.marksMade}:${name}`;
    if (this.capabilities.marks === 'confirmed') {
      this.marks.set(id, settle);
      if (this.marks.size > MAX_MARKS) {
        this.warnOnce('marks', 'the other side does not confirm that marks were played');
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
    this.warnOnce('unread', 'the bot does not read what it hears; the oldest of it is dropped');
  }

  /** @internal Something of the bot's own threw, or rejected. */
  override fail(error: unknown): void {
    if (!this.observer) throw error;
    this.observer.fail(error);
  }

  private follow<E extends 'audio' | 'dtmf' | 'message'>(event: E, signal?: AbortSignal) {
    const iteration = this.iterate(event, signal);
    if (this.currentState === 'disconnected') this.endIterations();
    return iteration;
  }
}

const failed = (error: string): TransferOutcome => ({ ok: false, error });

/** How much of each event waits for a bot that does not listen. */
function roomsFor(maxBacklogMs: number): {
  [E in keyof MediaTransportEvents]: BufferLimit<MediaTransportEvents[E][0]>;
} {
  const room = MESSAGE_BUFFER;
  const lasting = { ...room, lasting: true };
  const audio: BufferLimit<AudioFrame> = {
    limit: maxBacklogMs,
    sizeOf: ({ pcm, sampleRateHz }) =>
      Math.max(LEAST_WAITING_MS, (pcm.length * 1_000) / sampleRateHz),
  };
  return {
    connected: room,
    disconnected: room,
    audio,
    dtmf: lasting,
    message: lasting,
    text: lasting,
    transcription: lasting,
    interruption: room,
  };
}
