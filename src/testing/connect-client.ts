import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { bytesFromPcm, ownPcm } from '../media/pcm.js';
import { ProtobufSerializer } from '../media/serializers/protobuf.serializer.js';
import { RTVI_LABEL } from '../media/serializers/json-message.js';
import { RTVI_VERSION } from '../rtvi/rtvi-messages.js';
import { framesOf, type SpeakOptions } from './pace.js';

const CLIENT_HZ = 16_000;

/** An RTVI message of the bot. */
export interface BotRtviMessage {
  readonly label: string;
  readonly type: string;
  readonly id?: string;
  readonly data?: Record<string, unknown>;
}

/**
 * Connects to a bot as Pipecat's WebSocket clients do.
 * @param wsUrl `wsUrl` of the answer to `/start`
 * @param options.token `token` of the same answer, with token authentication
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

/** Fake WebSocket client. Emits `audio`, `message` and `interruption` of the bot. */
export class FakeClient extends EventEmitter<{
  audio: [Int16Array];
  message: [BotRtviMessage];
  interruption: [];
}> {
  /** Resolves when the socket is closed, with its close code. */
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
    // A rejection that no test awaits must not end the process.
    this.closed.catch(() => undefined);
    socket.on('message', (data, isBinary) => this.receive(data as Buffer, isBinary));
  }

  /** Sends `client-ready`, and resolves with the `bot-ready` of the bot. */
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

  /** Resolves with the next message of a type, or that meets a condition, received already or later. Returns each message once. */
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

  /** Sends audio in frames of 20 ms; the last is padded with silence. @param pcm 16-bit samples at 16 kHz */
  async speak(pcm: Int16Array, options: SpeakOptions = {}): Promise<void> {
    for await (const frame of framesOf(pcm, CLIENT_HZ, options)) {
      if (this.socket.readyState !== WebSocket.OPEN) return;
      this.socket.send(this.wire.audio(frame));
    }
  }

  /** Audio of the bot so far, as 16-bit samples at 24 kHz. */
  get audio(): Int16Array {
    const bytes = Buffer.concat(this.received.map(bytesFromPcm));
    return new Int16Array(new Uint8Array(bytes).buffer);
  }

  /** Resolves once the bot has sent at least this many samples of audio. */
  async heard(samples: number): Promise<void> {
    while (this.receivedSamples < samples) await this.more('audio');
  }

  /** Closes the connection. */
  async leave(): Promise<void> {
    this.socket.close(1000);
    await this.closed;
  }

  /** @throws when the connection is closed first */
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

  private receive(data: Buffer, isBinary: boolean): void {
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
