import type { RawData, WebSocket } from 'ws';
import { hostCodeError } from '../errors/host-code-error.js';
import { ITEM_BYTES } from '../limits/queue.js';
import type {
  HangUpOutcome,
  MediaEnd,
  MediaConnection,
  MediaConnectionEvents,
} from './media-connection.js';
import {
  IGNORED,
  type InboundMedia,
  type MediaSerializer,
  type WireMessage,
} from './serializers/media-serializer.js';

/** Backpressure limit of unsent data, in bytes. Above it audio is held back. */
const MAX_BUFFERED_BYTES = 65_536;
/** Limit of unsent data including messages, in bytes. Above it the peer does not read, and the connection is closed. */
const MAX_UNREAD_BYTES = 4 * 1_048_576;

/** Longest wait for a frame that is missing, in milliseconds after the last one that came. */
const MAX_WAIT_MS = 100;

/** Wire format of a {@link SocketMediaConnection}, and the provider's functions outside it. */
export interface SocketMediaOptions {
  readonly serializer: MediaSerializer;
  /** Ends the call at the provider, where supported; `undefined` where only the connection ends it. Never rejects. */
  readonly hangUp?: () => Promise<HangUpOutcome> | undefined;
  /** Transfers the call at the provider, where supported. Never rejects. */
  readonly transfer?: MediaConnection['transfer'];
}

/** Media connection over an open WebSocket of a carrier or a client, in the serializer's wire format. */
export class SocketMediaConnection implements MediaConnection {
  readonly transfer: MediaConnection['transfer'];
  private readonly serializer: MediaSerializer;
  private readonly sendOptions: { readonly binary: boolean };
  private isOver = false;
  private end: (end: MediaEnd) => void = () => undefined;
  /** Count of messages whose send is not confirmed by the socket. */
  private unsent = 0;
  /** Number of received frames that wait for an earlier one, and the timer for them. */
  private waiting = 0;
  private waitTimer: NodeJS.Timeout | undefined;
  private readonly onSent = (): void => void this.unsent--;

  constructor(
    private readonly socket: WebSocket,
    private readonly options: SocketMediaOptions,
  ) {
    this.transfer = options.transfer;
    this.serializer = options.serializer;
    this.sendOptions = { binary: this.serializer.isBinary };
  }

  get capabilities() {
    return this.serializer.capabilities;
  }

  get output() {
    return this.serializer.output;
  }

  open(events: MediaConnectionEvents): void {
    const { socket } = this;
    this.end = (end) => {
      this.end = () => undefined;
      this.isOver = true;
      clearTimeout(this.waitTimer);
      this.readWaiting(events);
      events.disconnected(end);
    };
    let error: Error | undefined;
    const left = (code: number): void =>
      this.end(
        error
          ? { reason: 'failed', message: `The connection failed: ${error.message}` }
          : { reason: 'peer_left', message: `The other side left (${code}).` },
      );
    socket.on('message', (data: RawData, isBinary) => {
      this.report((serializer) => serializer.read(data as Buffer, isBinary), events);
      this.boundWait(events);
    });
    socket.on('error', (cause: Error) => (error = cause));
    socket.on('close', left);
    events.connected();
    if (socket.readyState === socket.CLOSED) left(1006);
  }

  sendAudio(pcm: Int16Array): boolean {
    if (this.socket.bufferedAmount > MAX_BUFFERED_BYTES) return false;
    // Called for every frame: it takes no closure.
    try {
      this.send(this.serializer.audio(pcm));
    } catch (thrown) {
      throw serializerError('audio', thrown);
    }
    return true;
  }

  clear(): void {
    this.write('clear', (serializer) => serializer.clear());
  }

  mark(name: string): void {
    this.write('mark', (serializer) => serializer.mark(name));
  }

  sendDtmf(digits: string): boolean {
    return this.write('dtmf', (serializer) => serializer.dtmf(digits));
  }

  sendMessage(message: unknown): boolean {
    return this.write('message', (serializer) => serializer.message(message));
  }

  hangUp(): Promise<HangUpOutcome> {
    return this.options.hangUp?.() ?? Promise.resolve({ ok: true, via: 'connection' });
  }

  close({ reason }: MediaEnd): void {
    // The session closes it, with the close code of its reason.
    if (reason !== 'aborted') this.socket.close(1000);
  }

  /** @throws {HostCodeError} for a serializer that throws, or returns no message */
  private write(
    method: string,
    ask: (serializer: MediaSerializer) => WireMessage | undefined,
  ): boolean {
    try {
      return this.send(ask(this.serializer));
    } catch (thrown) {
      throw serializerError(method, thrown);
    }
  }

  /** Reports a message, as malformed where the serializer throws or returns none: an error would end the process and all its calls. */
  private report(
    read: (serializer: MediaSerializer) => InboundMedia,
    events: MediaConnectionEvents,
  ): void {
    try {
      report(read(this.serializer), events);
    } catch {
      events.malformed('a message that cannot be read');
    }
  }

  private readWaiting(events: MediaConnectionEvents): void {
    this.report((serializer) => serializer.takeWaiting?.() ?? IGNORED, events);
  }

  /** Number of frames that wait; 0 where the serializer throws. */
  private get framesWaiting(): number {
    try {
      return this.serializer.waiting ?? 0;
    } catch {
      return 0;
    }
  }

  /** Hands on the frames that wait when no others come. */
  private boundWait(events: MediaConnectionEvents): void {
    const waiting = this.isOver ? 0 : this.framesWaiting;
    if (waiting === this.waiting) return;
    this.waiting = waiting;
    clearTimeout(this.waitTimer);
    if (waiting === 0) return;
    this.waitTimer = setTimeout(() => {
      this.waiting = 0;
      this.readWaiting(events);
    }, MAX_WAIT_MS);
  }

  private send(data: WireMessage | undefined): boolean {
    const { socket } = this;
    if (data === undefined || socket.readyState !== socket.OPEN) return false;
    if (this.unreadBytes > MAX_UNREAD_BYTES) {
      this.end({ reason: 'failed', message: 'The other side does not read what it is sent.' });
      socket.close(1008, 'what is sent is not read');
      return false;
    }
    this.unsent++;
    socket.send(data, typeof data === 'string' ? TEXT : this.sendOptions, this.onSent);
    return true;
  }

  private get unreadBytes(): number {
    const { bufferedAmount } = this.socket;
    // Sends that completed at once are confirmed a moment later.
    return bufferedAmount === 0 ? 0 : bufferedAmount + this.unsent * ITEM_BYTES;
  }
}

const TEXT = { binary: false };

const serializerError = (method: string, thrown: unknown): Error =>
  hostCodeError(thrown, `the serializer threw in ${method}()`);

function report(media: InboundMedia, events: MediaConnectionEvents): void {
  switch (media.kind) {
    case 'audio':
      return events.audio(media.pcm, media.sampleRateHz, media.channels, media.timestampMs);
    case 'dtmf':
      return events.dtmf(media.digit);
    case 'mark':
      return events.markPlayed(media.name);
    case 'message':
      return events.message(media.message);
    case 'text':
      return events.text(media.text);
    case 'transcription':
      return events.transcription({
        text: media.text,
        user_id: media.user_id,
        timestamp: media.timestamp,
      });
    case 'interruption':
      return events.interruption();
    case 'malformed':
      return events.malformed(media.what, media.detail);
    // The carrier closes the connection next.
    case 'stop':
    case 'ignored':
  }
}
