import { EventEmitter, once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';
import { decodeMulaw, encodeMulaw } from '../media/g711.js';
import {
  type CallFacts,
  CARRIER_DIALECTS,
  type CarrierDialect,
  type CarrierName,
} from './carrier-dialects.js';

/** A frame of the caller's audio: 20 ms at 8 kHz. */
const FRAME_SAMPLES = 160;
const FRAME_MS = 20;

/** Whom to call, and as whom. */
export interface PlaceCallOptions {
  readonly carrier: CarrierName;
  /** The media WebSocket, such as `ws://127.0.0.1:7860/ws`. */
  readonly url: string;
  readonly from?: string;
  readonly to?: string;
  readonly customParameters?: Record<string, string>;
  readonly webSocketOptions?: ClientOptions;
}

/** How {@link FakeCall.speak} sends. */
export interface SpeakOptions {
  /**
   * `realtime` sends a frame each 20 ms, as a phone does; `asap` sends as fast as the connection takes them.
   * @default 'realtime'
   */
  readonly pace?: 'realtime' | 'asap';
}

/** Connects to a bot the way a carrier does, and resolves once its handshake is sent. */
export async function placeCall(options: PlaceCallOptions): Promise<FakeCall> {
  const dialect = CARRIER_DIALECTS[options.carrier];
  const socket = new WebSocket(options.url, options.webSocketOptions);
  const call = new FakeCall(socket, dialect, {
    ...dialect.newIds(),
    from: options.from,
    to: options.to,
    customParameters: options.customParameters ?? {},
  });
  await once(socket, 'open');
  for (const message of dialect.handshake(call.facts)) socket.send(JSON.stringify(message));
  return call;
}

/** The caller's end of a call. Emits `sent` and `audio`, each with the bytes of codec audio. */
export class FakeCall extends EventEmitter<{ sent: [Buffer]; audio: [Buffer] }> {
  /** How the call's socket was closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Every message of the bot, parsed. */
  readonly messages: Record<string, unknown>[] = [];
  private readonly received: Buffer[] = [];
  private sequence = 0;

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
    socket.on('message', (data) => this.hear((data as Buffer).toString()));
  }

  /** Sends audio, in frames of 20 ms; the last is filled up with silence. @param pcm 16-bit samples at 8 kHz */
  async speak(pcm: Int16Array, { pace = 'realtime' }: SpeakOptions = {}): Promise<void> {
    const start = performance.now();
    for (let i = 0; i * FRAME_SAMPLES < pcm.length; i++) {
      if (pace === 'realtime') await until(start + i * FRAME_MS);
      if (this.socket.readyState !== WebSocket.OPEN) return;
      const frame = new Int16Array(FRAME_SAMPLES);
      frame.set(pcm.subarray(i * FRAME_SAMPLES, (i + 1) * FRAME_SAMPLES));
      const bytes = this.dialect.encoding === 'mulaw' ? encodeMulaw(frame) : toBytes(frame);
      this.emit('sent', bytes);
      this.send(this.dialect.media(this.facts, bytes.toString('base64'), this.sequence++));
    }
  }

  /** Sends any message, as JSON. */
  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** What the bot has said so far, as it came: µ-law, or 16-bit little-endian samples for Exotel. */
  get audioBytes(): Buffer {
    return Buffer.concat(this.received);
  }

  /** The same as 16-bit samples at 8 kHz. */
  get audio(): Int16Array {
    const bytes = this.audioBytes;
    if (this.dialect.encoding === 'mulaw') return decodeMulaw(bytes);
    return Int16Array.from({ length: bytes.length >> 1 }, (_, i) => bytes.readInt16LE(i * 2));
  }

  /** Resolves once the bot has said at least this many bytes, or the call is over. */
  async heard(bytes: number): Promise<void> {
    while (this.audioBytes.length < bytes && this.socket.readyState === WebSocket.OPEN) {
      const over = new AbortController();
      await Promise.race([
        once(this, 'audio', { signal: over.signal }).catch(() => undefined),
        this.closed,
      ]);
      over.abort();
    }
  }

  /** Says goodbye as the carrier does when the caller hangs up. */
  async hangUp(): Promise<void> {
    const goodbye = this.dialect.stop?.(this.facts);
    if (goodbye && this.socket.readyState === WebSocket.OPEN) this.send(goodbye);
    this.socket.close();
    await this.closed;
  }

  private hear(text: string): void {
    const message = JSON.parse(text) as Record<string, unknown>;
    this.messages.push(message);
    const payload = this.dialect.audioOf(message);
    if (payload === undefined) return;
    const bytes = Buffer.from(payload, 'base64');
    this.received.push(bytes);
    this.emit('audio', bytes);
  }
}

function toBytes(pcm: Int16Array): Buffer {
  const bytes = Buffer.allocUnsafe(pcm.length * 2);
  pcm.forEach((sample, i) => bytes.writeInt16LE(sample, i * 2));
  return bytes;
}

/** Resolves at a time on the clock of `performance`, so that lateness does not add up. */
function until(timeMs: number): Promise<void> {
  const wait = timeMs - performance.now();
  return new Promise((resolve) => (wait > 0 ? setTimeout(resolve, wait) : setImmediate(resolve)));
}
