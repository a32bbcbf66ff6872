import { type HostCodeError, hostCodeError } from '../errors/host-code-error.js';
import { AudioOutput } from './audio-output.js';
import { GuardedMediaConnection } from './guarded-media-connection.js';
import type {
  HangUpOutcome,
  MediaConnection,
  MediaEnd,
  TransferOptions,
  TransferOutcome,
} from './media-connection.js';
import type { MediaState, MediaTransportObserver, PlayedMark } from './media-transport.events.js';
import { MediaInput } from './media-input.js';
import {
  type MediaTransportOptions,
  resolveMediaTransportOptions,
} from './media-transport.options.js';
import type { OutgoingAudio, SendOutcome } from './paced-output.js';
import { checkAudioRate, checkChannels } from './pcm.js';
import type { Playback } from './playback-position.js';
import type { MediaCapabilities } from './serializers/media-serializer.js';

const HUNG_UP: MediaEnd = { reason: 'closed', message: 'The bot hung up.' };
const CLOSED: MediaEnd = { reason: 'closed', message: 'The bot closed the connection.' };
const TRANSFERRED: MediaEnd = { reason: 'closed', message: 'The call was transferred.' };

const NOT_TRANSFERABLE =
  'This call cannot be transferred: there is no carrier, or no credentials for it.';

/**
 * Media of a bot: audio, DTMF and application messages, the same on every transport. `createTransport(args)` creates it. It ends
 * with the connection or the session.
 *
 * Input is available as events and as async iterators. Events are buffered until the first listener or iterator is attached. DTMF
 * digits, messages, texts and transcriptions are also buffered whenever there is no listener later; audio is not.
 */
export class MediaTransport extends MediaInput {
  private readonly connection: MediaConnection;
  private readonly output: AudioOutput;
  private currentState: MediaState = 'connecting';
  private leaveConnecting: () => void = () => undefined;
  private readonly connecting = new Promise<void>((resolve) => (this.leaveConnecting = resolve));
  private readonly ending = new AbortController();
  private hangingUp: Promise<HangUpOutcome> | undefined;
  private isTransferring = false;
  private transferring: Promise<TransferOutcome> | undefined;
  /** End that the bot has begun. The peer's leave counts as this end. */
  private farewell: MediaEnd | undefined;
  private botReturned = false;

  /** @internal use {@link createTransport} */
  constructor(
    unguarded: MediaConnection,
    options: MediaTransportOptions = {},
    observer?: MediaTransportObserver,
  ) {
    const resolved = resolveMediaTransportOptions(options);
    super(resolved, observer);
    const connection = new GuardedMediaConnection(unguarded, (error) => this.broke(error));
    this.connection = connection;
    this.output = new AudioOutput(connection, {
      ...resolved,
      write: (chunk) => {
        const isSent = this.currentState === 'connected' && connection.sendAudio(chunk);
        if (isSent) this.stats.audioOut++;
        return isSent;
      },
      onUnconfirmed: () =>
        this.warnOnce('marks', 'the peer does not confirm that marks were played'),
      onFailure: (thrown) => this.broke(hostCodeError(thrown, 'sending audio failed')),
    });
    connection.open({
      connected: () => this.connected(),
      ...this.inputEvents(),
      markPlayed: (id) => this.output.markPlayed(id),
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

  /** @internal Aborts when the connection ends. A listener of `disconnected` would take the event from the bot. */
  get endSignal(): AbortSignal {
    return this.ending.signal;
  }

  /**
   * Queues audio after the audio that is queued already. Resolves when it is sent or dropped; the samples must not change until
   * then. Never rejects. It is played also when the bot closes, hangs up or returns next, within `playoutTimeoutMs`.
   * @throws {TypeError} when `pcm` is no `Int16Array`
   * @throws {RangeError} for an unsupported sample rate or an invalid number of channels
   */
  sendAudio(audio: OutgoingAudio): Promise<SendOutcome> {
    if (!(audio.pcm instanceof Int16Array)) {
      throw new TypeError('pcm must be an Int16Array; pcmFromBytes(buffer) makes one of bytes');
    }
    checkAudioRate(audio.sampleRateHz);
    const { channels = 1 } = audio;
    checkChannels(channels);
    if (this.output.isFull) {
      this.stats.overflowed++;
      this.warnOnce('overflow', 'audio is sent faster than it is spoken; some of it is dropped');
    }
    return this.output.send(audio);
  }

  /**
   * Barge-in: drops audio that has not been played, here and, with `capabilities.remoteClear`, at the client or carrier.
   * @returns what the user heard until then
   */
  clear(): Playback {
    const playback = this.output.clear();
    if (this.currentState === 'connected') this.connection.clear();
    return playback;
  }

  /** Progress of playback: what the user has heard. */
  get playback(): Playback {
    return this.output.playback;
  }

  /** Holds back the audio that is not sent yet: the user hears at most what was sent ahead (`sendAheadMs`). An end by the bot resumes it. */
  pause(): void {
    this.output.pause();
  }

  /** Goes on after {@link pause}. */
  resume(): void {
    this.output.resume();
  }

  /**
   * Resolves when all audio sent before the mark has been played. With more than 1,000 unconfirmed marks the oldest counts as played;
   * with more than 1,000 unsent marks the new one is `cleared` at once.
   * @param name a label, visible in the messages on the wire
   * @throws {TypeError} when `name` is no string
   */
  mark(name: string): Promise<PlayedMark> {
    // Checked here, because later it would throw from a timer.
    if (typeof name !== 'string') throw new TypeError('name must be a string');
    return this.output.mark(name);
  }

  /**
   * Sends DTMF digits: `0` to `9`, `*`, `#`, `A` to `D`. Waits for the connection, as audio does.
   * @returns false when the transport cannot, or ended before
   * @throws {RangeError} for other characters
   */
  async sendDtmf(digits: string): Promise<boolean> {
    if (!/^[0-9*#A-D]+$/.test(digits)) {
      throw new RangeError('digits must be some of 0 to 9, *, #, A to D');
    }
    if (!this.capabilities.dtmfOut) return false;
    if (this.currentState === 'connecting') await this.connecting;
    return this.isConnected && this.connection.sendDtmf(digits);
  }

  /**
   * Sends an application message. Over WebRTC up to 50 messages are queued until the client's data channel opens.
   * @returns false when the transport cannot
   * @throws {TypeError} for a message that is no JSON, such as one that contains itself
   */
  sendMessage(message: unknown): boolean {
    if (!this.capabilities.messages || this.currentState === 'disconnected') return false;
    return this.connection.sendMessage(message);
  }

  /**
   * Ends the call through the provider's API where possible, and the connection, once the audio sent before has been played; `clear()` shortens
   * that. Idempotent. Never rejects.
   */
  hangUp(): Promise<HangUpOutcome> {
    return (this.hangingUp ??= this.endCall());
  }

  private async endCall(): Promise<HangUpOutcome> {
    const playing = this.leave(HUNG_UP);
    if (playing) await playing;
    const outcome = await this.connection.hangUp();
    if (!outcome.ok) this.observer?.warn(`hanging up failed: ${outcome.error}`);
    this.endWith(HUNG_UP);
    return outcome;
  }

  /** Begins an end by the bot. @returns as {@link AudioOutput.finish} */
  private leave(end: MediaEnd): Promise<void> | undefined {
    if (this.currentState === 'disconnected') return undefined;
    this.farewell ??= end;
    this.observer?.leaving?.(end);
    return this.output.finish();
  }

  /** True for a phone call of a carrier whose `credentials` are configured: {@link transfer} can put it through. */
  get canTransfer(): boolean {
    return this.connection.transfer !== undefined;
  }

  /**
   * Transfers the call through the carrier's API, once the audio sent before has been played; `clear()` shortens that. On success the
   * connection is closed; on failure the call goes on with the bot. Never rejects.
   * @param target a phone number in E.164, or a SIP URI
   */
  async transfer(target: string, options: TransferOptions = {}): Promise<TransferOutcome> {
    const { transfer } = this.connection;
    if (!transfer) return failed(NOT_TRANSFERABLE);
    if (this.isTransferring) return failed('The call is being transferred already.');
    this.isTransferring = true;
    const playing = this.isLeaving ? undefined : this.output.played();
    if (playing) await playing;
    const outcome = this.isLeaving
      ? failed('The call is over.')
      : await (this.transferring = transfer(target, options));
    this.isTransferring = false;
    this.transferring = undefined;
    if (outcome.ok) this.endWith(TRANSFERRED);
    else this.observer?.warn(`the call was not transferred: ${outcome.error}`);
    return outcome;
  }

  private get isLeaving(): boolean {
    return this.currentState === 'disconnected' || this.farewell !== undefined;
  }

  /**
   * Ends the connection. With the reason `closed` the audio sent before is played first, until `clear()` or the peer leaves, and more is
   * refused; without any the connection ends at once. Other reasons end it at once.
   * @param end the reason, as `disconnected` reports it
   */
  close(end: MediaEnd = CLOSED): void {
    const playing = end.reason === 'closed' ? this.leave(end) : undefined;
    if (playing) void playing.then(() => this.endWith(end));
    else this.endWith(end);
  }

  /** @internal Ends the connection without playing out, for a bot's own signal. */
  cut(end: MediaEnd): void {
    this.endWith(end);
  }

  /**
   * @internal Drops further input, because the bot has returned.
   * @returns once the audio is played; `undefined` when there is none to wait for
   */
  playOut(): Promise<void> | undefined {
    if (this.currentState === 'disconnected') return undefined;
    const playing = this.output.finish();
    this.botReturned = playing !== undefined;
    return playing;
  }

  /** @internal Ends the connection because the session ended. */
  abort(end: MediaEnd): void {
    this.endWith(end, 'aborted');
  }

  private endWith(end: MediaEnd, reason = end.reason): void {
    if (this.currentState === 'disconnected') return;
    this.disconnect(end);
    void this.connection.close({ ...end, reason });
  }

  /** Ends this session only, because its connection threw. */
  private broke(error: HostCodeError): void {
    // First, because the first reason counts.
    this.observer?.fail(error);
    this.endWith({ reason: 'failed', message: error.message });
  }

  private connected(): void {
    if (this.currentState !== 'connecting') return;
    this.currentState = 'connected';
    this.leaveConnecting();
    this.notify('connected');
  }

  private get isConnected(): boolean {
    return this.currentState === 'connected';
  }

  /** During a transfer, `peer_left` means that the carrier took the call or the caller hung up; the outcome decides. */
  private ended(cause: MediaEnd): void {
    if (!this.transferring || cause.reason !== 'peer_left') return this.disconnect(cause);
    void this.transferring.then(({ ok }) => this.disconnect(ok ? TRANSFERRED : cause));
  }

  private disconnect(cause: MediaEnd): void {
    if (this.currentState === 'disconnected') return;
    this.currentState = 'disconnected';
    this.leaveConnecting();
    const end = cause.reason === 'peer_left' ? (this.farewell ?? cause) : cause;
    this.output.end();
    this.observer?.ended(end);
    this.ending.abort();
    this.notify('disconnected', end);
    this.endIterations();
  }

  /** @internal False after the end, and while the audio of a bot that has returned is played. */
  protected override get takesInput(): boolean {
    return this.currentState !== 'disconnected' && !this.botReturned;
  }
}

const failed = (error: string): TransferOutcome => ({ ok: false, error });
