import { EventEmitter, once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';
import { MULAW } from '../media/codecs/g711.js';
import { bytesFromPcm, ownPcm, pcmFromBytes } from '../media/pcm.js';
import type {
  CallFacts,
  CarrierDialect,
} from '../transports/telephony/carriers/carrier-dialect.js';
import { BUILT_IN, type CarrierName } from '../transports/telephony/carriers/index.js';
import { framesOf, type SpeakOptions } from './pace.js';

const PHONE_HZ = 8_000;
/** Timeout for the bot to answer the carrier's last message, in milliseconds. */
const REPLY_TIMEOUT_MS = 2_000;

/** Options of {@link placeCall}. */
export interface PlaceCallOptions {
  /** Name of a built-in carrier, or the dialect of another one. */
  readonly carrier: CarrierName | CarrierDialect;
  /** The media WebSocket, such as `ws://127.0.0.1:7860/ws`. */
  readonly url: string;
  readonly from?: string;
  readonly to?: string;
  readonly customParameters?: Record<string, string>;
  /** The carrier's id of the call. @default a new one */
  readonly callId?: string;
  readonly webSocketOptions?: ClientOptions;
}

/** Connects to a bot as a carrier does, and resolves once the handshake is sent. */
export async function placeCall(options: PlaceCallOptions): Promise<FakeCall> {
  const dialect = dialectOf(options.carrier);
  const socket = new WebSocket(options.url, options.webSocketOptions);
  const call = new FakeCall(socket, dialect, {
    ...dialect.newIds(),
    ...(options.callId !== undefined && { callId: options.callId }),
    from: options.from,
    to: options.to,
    customParameters: options.customParameters ?? {},
  });
  await once(socket, 'open');
  for (const message of dialect.handshake(call.facts)) call.send(message);
  return call;
}

/** Returns the dialect of a carrier. @throws {Error} when there is no such carrier */
export function dialectOf(carrier: CarrierName | CarrierDialect): CarrierDialect {
  const dialect = typeof carrier === 'string' ? BUILT_IN.find(carrier)?.dialect : carrier;
  if (dialect) return dialect;
  throw new Error(`There is no carrier of this name; known are ${BUILT_IN.names.join(', ')}.`);
}

/**
 * Fake phone call. It plays the bot's audio in real time: marks are confirmed when playback reaches them, and cleared audio is not
 * played. Emits `sent` and `audio` with the encoded bytes, and `cleared` with the dropped audio in milliseconds.
 */
export class FakeCall extends EventEmitter<{
  sent: [Buffer];
  audio: [Buffer];
  cleared: [unplayedMs: number];
  opened: [];
}> {
  /** Resolves when the socket is closed, with its close code. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Messages of the bot, parsed. */
  readonly messages: Record<string, unknown>[] = [];
  private readonly received: Buffer[] = [];
  private receivedBytes = 0;
  private sequence = 0;
  private frames = 0;
  private sent = 0;
  private spokenMs = 0;
  /** Resolves when the caller's audio may begin. */
  private readonly opened: Promise<unknown>;
  /** End of playback of all received audio, in milliseconds of `performance.now()`. */
  private playedAtMs = 0;
  private readonly marks = new Map<string, NodeJS.Timeout>();

  /** @internal use {@link placeCall} */
  constructor(
    readonly socket: WebSocket,
    private readonly dialect: CarrierDialect,
    readonly facts: CallFacts,
  ) {
    super();
    this.closed = once(socket, 'close').then(([code, reason]) => ({
      code: code as number,
      reason: String(reason),
    }));
    // A rejection that no test awaits must not end the process.
    this.closed.catch(() => undefined);
    this.opened =
      dialect.openEvent === undefined ? Promise.resolve() : once(this, 'opened').catch(() => 0);
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.play(data as Buffer);
      else this.receive((data as Buffer).toString());
    });
    socket.once('close', () => this.dropMarks());
  }

  /** Sends audio in frames of 20 ms; the last is padded with silence. @param pcm 16-bit samples at 8 kHz */
  async speak(pcm: Int16Array, options: SpeakOptions = {}): Promise<void> {
    await Promise.race([this.opened, this.closed]);
    for await (const frame of framesOf(pcm, PHONE_HZ, options)) {
      if (this.socket.readyState !== WebSocket.OPEN) return;
      const bytes = this.dialect.encoding === 'mulaw' ? MULAW.encode(frame) : bytesFromPcm(frame);
      this.emit('sent', bytes);
      this.spokenMs += (frame.length * 1_000) / PHONE_HZ;
      const payload = bytes.toString('base64');
      const media = this.dialect.media?.(this.facts, payload, this.sequence++, this.frames++);
      if (media) this.send(media);
      else this.socket.send(bytes);
    }
  }

  /** Sends DTMF digits. */
  press(digits: string): void {
    for (const digit of digits) this.send(this.dialect.dtmf(this.facts, digit, this.sequence++));
  }

  /** Sends a message as JSON, stamped with the carrier's sequence numbers. */
  send(message: object): void {
    const { sent, spokenMs } = this;
    const counts = { sent, received: this.messages.length, spokenMs };
    this.sent++;
    this.socket.send(JSON.stringify(this.dialect.stamp?.(message, this.facts, counts) ?? message));
  }

  /** Encoded audio of the bot so far: µ-law, or 16-bit little-endian samples for Exotel and Vonage. */
  get audioBytes(): Buffer {
    return Buffer.concat(this.received);
  }

  /** Audio of the bot so far, as 16-bit samples at 8 kHz. */
  get audio(): Int16Array {
    const bytes = this.audioBytes;
    return this.dialect.encoding === 'mulaw' ? ownPcm(MULAW.decode(bytes)!) : pcmFromBytes(bytes);
  }

  /** Resolves once the bot has sent at least this many bytes of audio, or the call has ended. */
  async heard(bytes: number): Promise<void> {
    while (this.receivedBytes < bytes && this.socket.readyState === WebSocket.OPEN) {
      const over = new AbortController();
      await Promise.race([
        once(this, 'audio', { signal: over.signal }).catch(() => undefined),
        this.closed,
      ]);
      over.abort();
    }
  }

  /** Hangs up, as the carrier reports it. */
  async hangUp(): Promise<void> {
    const goodbye = this.dialect.stop?.(this.facts);
    if (goodbye && this.socket.readyState === WebSocket.OPEN) {
      this.send(goodbye);
      const patience = new Promise((resolve) => setTimeout(resolve, REPLY_TIMEOUT_MS).unref());
      if (this.dialect.reply) await Promise.race([this.closed, patience]);
    }
    this.socket.close();
    await this.closed;
  }

  private receive(text: string): void {
    const message = JSON.parse(text) as Record<string, unknown>;
    this.messages.push(message);
    const { dialect } = this;
    const event = dialect.eventOf ? dialect.eventOf(message) : message.event;
    if (event === dialect.openEvent) this.emit('opened');
    const payload = dialect.audioOf?.(message);
    if (payload !== undefined) this.play(Buffer.from(payload, 'base64'));
    const mark = dialect.markOf?.(message);
    if (mark !== undefined) {
      const confirm = () => this.confirm(mark);
      this.marks.set(mark, setTimeout(confirm, this.playedAtMs - performance.now()));
    }
    if (event === dialect.clearEvent) this.clear();
    const reply = dialect.reply?.(message);
    if (reply === 'close') this.socket.close(1000);
    else if (reply) this.send(reply);
  }

  private play(bytes: Buffer): void {
    this.received.push(bytes);
    this.receivedBytes += bytes.length;
    const samples = this.dialect.encoding === 'mulaw' ? bytes.length : bytes.length / 2;
    const from = Math.max(this.playedAtMs, performance.now());
    this.playedAtMs = from + (samples * 1_000) / PHONE_HZ;
    this.emit('audio', bytes);
  }

  private confirm(mark: string): void {
    this.marks.delete(mark);
    const played = this.dialect.played?.(this.facts, mark, this.sequence++);
    if (played) this.send(played);
  }

  private clear(): void {
    const unplayedMs = Math.max(0, this.playedAtMs - performance.now());
    this.playedAtMs = 0;
    const waiting = [...this.marks.keys()];
    this.dropMarks();
    const answer = this.dialect.cleared?.(this.facts, this.sequence++);
    if (answer) this.send(answer);
    if (this.dialect.returnsMarks) for (const mark of waiting) this.confirm(mark);
    this.emit('cleared', unplayedMs);
  }

  private dropMarks(): void {
    for (const timer of this.marks.values()) clearTimeout(timer);
    this.marks.clear();
  }
}
