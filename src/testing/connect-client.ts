import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { bytesFromPcm, ownPcm } from '../media/pcm.js';
import { ProtobufSerializer } from '../media/serializers/protobuf.serializer.js';
import { RTVI_LABEL } from '../media/rtvi-label.js';
import { RTVI_VERSION } from '../rtvi/rtvi-messages.js';
import { framesOf, type SpeakOptions } from './pace.js';

/** The rate at which a client speaks, in Hz. */
const CLIENT_HZ = 16_000;

/** An RTVI message of the bot. */
export interface BotRtviMessage {
  readonly label: string;
  readonly type: string;
  readonly id?: string;
  readonly data?: Record<string, unknown>;
}

/**
 * Connects to a bot the way Pipecat's WebSocket clients do, and resolves once connected.
 *
 * @param wsUrl what `/start` answered
 * @param options.token what `/start` answered beside it, with token authentication
 */
export async function connectClient(
  wsUrl: string,
  { token, ...webSocketOptions }: ClientOptions & { token?: string } = {},
): Promise<FakeClient> {
  const url = new URL(wsUrl);
  if (token !== undefined) url.searchParams.set('token', token);
  const socket = new WebSocket(url, webSocketOptions);
  const client = new FakeClient(socket);
  await once(socket, 'open');
  return client;
}

/** A client's end of a conversation. Emits `audio` and `message` with what the bot sends. */
export class FakeClient extends EventEmitter<{
  audio: [Int16Array];
  message: [BotRtviMessage];
  interruption: [];
}> {
  /** How the socket was closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Every application message of the bot. */
  readonly messages: BotRtviMessage[] = [];
  private readonly taken = new Set<BotRtviMessage>();
  private readonly received: Int16Array[] = [];
  private receivedSamples = 0;
  private readonly wire = new ProtobufSerializer(CLIENT_HZ);

  /** @internal use {@link connectClient} */
  constructor(readonly socket: WebSocket) {
    super();
    this.closed = once(socket, 'close').then(([code, reason]) => ({
      code: code as number,
      reason: String(reason),
    }));
    // Whoever waits for it hears that it failed; nobody has to.
    this.closed.catch(() => undefined);
    socket.on('message', (data, isBinary) => this.hear(data as Buffer, isBinary));
  }

  /** Tells the bot that the client is ready, and resolves with its `bot-ready`. */
  async ready(version = RTVI_VERSION): Promise<BotRtviMessage> {
    const id = this.send('client-ready', { version, about: { library: 'test' } });
    return this.next((message) => message.type === 'bot-ready' && message.id === id);
  }

  /** Sends an RTVI message. @returns its id */
  send(type: string, data?: unknown): string {
    const id = randomUUID();
    this.sendMessage({ label: RTVI_LABEL, type, id, data });
    return id;
  }

  /** Sends any application message. */
  sendMessage(message: unknown): void {
    this.socket.send(this.wire.message(message));
  }

  /** Sends a `client-message`, and resolves with the `server-response` or `error-response`. */
  request(t: string, d?: unknown): Promise<BotRtviMessage> {
    const id = this.send('client-message', { t, d });
    return this.next((message) => message.id === id);
  }

  /** Interrupts the bot. */
  interrupt(): void {
    this.socket.send(this.wire.clear());
  }

  /** The first message, of those that came already or will, that is of a type, or meets a condition; each is given only once. */
  async next(wanted: string | ((message: BotRtviMessage) => boolean)): Promise<BotRtviMessage> {
    const meets =
      typeof wanted === 'string' ? (message: BotRtviMessage) => message.type === wanted : wanted;
    for (let i = 0; ; i++) {
      while (i >= this.messages.length) await this.more('message');
      const message = this.messages[i]!;
      if (this.taken.has(message) || !meets(message)) continue;
      this.taken.add(message);
      return message;
    }
  }

  /** Speaks, in frames of 20 ms; the last is filled up with silence. @param pcm 16-bit samples at 16 kHz */
  async speak(pcm: Int16Array, options: SpeakOptions = {}): Promise<void> {
    for await (const frame of framesOf(pcm, CLIENT_HZ, options)) {
      if (this.socket.readyState !== WebSocket.OPEN) return;
      this.socket.send(this.wire.audio(frame));
    }
  }

  /** What the bot has said so far, as 16-bit samples at 24 kHz. */
  get audio(): Int16Array {
    const bytes = Buffer.concat(this.received.map(bytesFromPcm));
    return new Int16Array(new Uint8Array(bytes).buffer);
  }

  /** Resolves once the bot has said at least this many samples. */
  async heard(samples: number): Promise<void> {
    while (this.receivedSamples < samples) await this.more('audio');
  }

  /** Leaves. */
  async leave(): Promise<void> {
    this.socket.close(1000);
    await this.closed;
  }

  /** @throws when the bot is gone before there is any */
  private async more(event: 'audio' | 'message'): Promise<void> {
    const over = new AbortController();
    try {
      await Promise.race([
        once(this, event, { signal: over.signal }),
        this.closed.then(({ code, reason }) => {
          throw new Error(`the connection was closed (${code} ${reason}) while waiting`);
        }),
      ]);
    } finally {
      over.abort();
    }
  }

  private hear(data: Buffer, isBinary: boolean): void {
    const media = this.wire.read(data, isBinary);
    if (media.kind === 'audio') {
      const pcm = ownPcm(media.pcm);
      this.received.push(pcm);
      this.receivedSamples += pcm.length;
      this.emit('audio', pcm);
    } else if (media.kind === 'message') {
      const message = media.message as BotRtviMessage;
      this.messages.push(message);
      this.emit('message', message);
    } else if (media.kind === 'interruption') this.emit('interruption');
  }
}
