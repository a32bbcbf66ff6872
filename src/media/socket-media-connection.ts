import type { RawData, WebSocket } from 'ws';
import { ITEM_BYTES } from '../limits/item-bytes.js';
import type {
  HangUpOutcome,
  MediaEnd,
  MediaConnection,
  MediaConnectionEvents,
} from './media-connection.js';
import {
  type InboundMedia,
  malformed,
  type MediaSerializer,
  type WireMessage,
} from './serializers/media-serializer.js';

/** Past this much unsent data the peer does not keep up, and audio waits here instead. Bytes. */
const MAX_BUFFERED_BYTES = 65_536;
/** Past this much of it, messages included, the peer does not read at all, and is closed on: what else is sent cannot wait here. Bytes. */
const MAX_UNREAD_BYTES = 4 * 1_048_576;

/** The wire format of a {@link SocketMediaConnection}, and what its provider does by other ways. */
export interface SocketMediaOptions {
  readonly serializer: MediaSerializer;
  /** Tells the provider to end the call, where that is possible. Never rejects. */
  readonly hangUp?: () => Promise<HangUpOutcome>;
  /** Tells the provider to put the call through, where that is possible. Never rejects. */
  readonly transfer?: MediaConnection['transfer'];
}

/** Media over an open WebSocket: a carrier's, or a client's. The serializer alone knows the wire format. */
export class SocketMediaConnection implements MediaConnection {
  readonly transfer: MediaConnection['transfer'];
  private readonly serializer: MediaSerializer;
  private readonly sendOptions: { readonly binary: boolean };
  private end: (end: MediaEnd) => void = () => undefined;
  /** Messages that the socket has not handed on, as far as it has told. */
  private unsent = 0;
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
      events.disconnected(end);
    };
    let error: Error | undefined;
    const left = (code: number): void =>
      this.end(
        error
          ? { reason: 'failed', message: `The connection failed: ${error.message}` }
          : { reason: 'peer_left', message: `The other side left (${code}).` },
      );
    this.send(this.serializer.open?.());
    socket.on('message', (data: RawData, isBinary) => {
      const media = this.read(data as Buffer, isBinary);
      if (media.kind === 'reply') this.send(media.data);
      else report(media, events);
    });
    socket.on('error', (cause: Error) => (error = cause));
    socket.on('close', left);
    events.connected();
    if (socket.readyState === socket.CLOSED) left(1006);
  }

  sendAudio(pcm: Int16Array): boolean {
    if (this.socket.bufferedAmount > MAX_BUFFERED_BYTES) return false;
    this.send(this.serializer.audio(pcm));
    return true;
  }

  clear(): void {
    this.send(this.serializer.clear());
  }

  mark(name: string): void {
    this.send(this.serializer.mark(name));
  }

  sendDtmf(digits: string): boolean {
    return this.send(this.serializer.dtmf(digits));
  }

  sendMessage(message: unknown): boolean {
    return this.send(this.serializer.message(message));
  }

  hangUp(): Promise<HangUpOutcome> {
    this.send(this.serializer.end?.(true));
    return this.options.hangUp?.() ?? Promise.resolve({ ok: true, via: 'connection' });
  }

  close({ reason }: MediaEnd): void {
    // Whoever ended the session closes with the code that says why.
    if (reason !== 'aborted') this.socket.close(1000);
  }

  /** An error here would end the process, with the calls of all others. */
  private read(data: Buffer, isBinary: boolean): InboundMedia {
    try {
      return this.serializer.read(data, isBinary);
    } catch {
      return malformed('a message that cannot be read');
    }
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
    // What the connection took at once is told a moment later.
    return bufferedAmount === 0 ? 0 : bufferedAmount + this.unsent * ITEM_BYTES;
  }
}

const TEXT = { binary: false };

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
    case 'reply':
    case 'ignored':
  }
}
