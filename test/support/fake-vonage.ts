import { EventEmitter, once } from 'node:events';
import { WebSocket } from 'ws';

type Json = Record<string, unknown>;

/** Options of {@link FakeVonage}. */
export interface VonageOptions {
  readonly url: string;
  readonly rateHz: 8_000 | 16_000 | 24_000;
  readonly headers?: Json;
}

/** The most messages of 20 ms that Vonage buffers. */
const MAX_BUFFERED = 3_072;

/**
 * Vonage's side of the WebSocket, after https://developer.vonage.com/en/voice/voice-api/guides/websockets and not after our server: it plays what it is
 * sent at the pace it is spoken, and checks it; what is wrong is in `violations`. Emits `audio`, `notified` and `cleared`.
 */
export class FakeVonage extends EventEmitter<{
  audio: [Buffer];
  command: [Json];
  notified: [payload: unknown];
  cleared: [];
}> {
  readonly violations: string[] = [];
  readonly commands: Json[] = [];
  readonly closed: Promise<{ code: number }>;
  audioBytes = 0;
  readonly socket: WebSocket;
  private playedAtMs = 0;
  private readonly notifies = new Set<NodeJS.Timeout>();

  private constructor(private readonly options: VonageOptions) {
    super();
    this.socket = new WebSocket(options.url);
    this.closed = once(this.socket, 'close').then(([code]) => ({ code: code as number }));
    this.socket.on('message', (data: Buffer, isBinary) =>
      isBinary ? this.play(data) : this.obey(data.toString()),
    );
    this.socket.on('close', () => this.notifies.forEach((timer) => clearTimeout(timer)));
  }

  static async connect(options: VonageOptions): Promise<FakeVonage> {
    const call = new FakeVonage(options);
    await once(call.socket, 'open');
    call.send({
      event: 'websocket:connected',
      'content-type': `audio/l16;rate=${options.rateHz}`,
      ...options.headers,
    });
    return call;
  }

  send(message: Json): void {
    this.socket.send(JSON.stringify(message));
  }

  /** One frame of 20 ms after the other, without waiting. */
  speak(pcm: Int16Array): void {
    const samples = this.options.rateHz / 50;
    for (let at = 0; at + samples <= pcm.length; at += samples) {
      const frame = pcm.slice(at, at + samples);
      this.socket.send(Buffer.from(frame.buffer), { binary: true });
    }
  }

  async heard(bytes: number): Promise<void> {
    while (this.audioBytes < bytes) await once(this, 'audio');
  }

  private get bytesPerFrame(): number {
    return (this.options.rateHz / 50) * 2;
  }

  private play(bytes: Buffer): void {
    if (bytes.length !== this.bytesPerFrame)
      this.violations.push(`${bytes.length} bytes a message`);
    const now = performance.now();
    this.playedAtMs = Math.max(this.playedAtMs, now) + 20;
    if (this.playedAtMs - now > MAX_BUFFERED * 20) this.violations.push('the buffer overflows');
    this.audioBytes += bytes.length;
    this.emit('audio', bytes);
  }

  private obey(text: string): void {
    const command = JSON.parse(text) as Json;
    this.commands.push(command);
    const { action, payload, ...more } = command;
    if (action === 'clear' && payload === undefined && Object.keys(more).length === 0) {
      this.playedAtMs = 0;
      this.notifies.forEach((timer) => clearTimeout(timer));
      this.notifies.clear();
      this.send({ event: 'websocket:cleared' });
      this.emit('cleared');
    } else if (action === 'notify' && typeof payload === 'object' && payload !== null) {
      const timer = setTimeout(() => {
        this.send({ event: 'websocket:notify', payload });
        this.emit('notified', payload);
      }, this.playedAtMs - performance.now());
      this.notifies.add(timer);
    } else this.violations.push(`the command ${text}`);
    this.emit('command', command);
  }
}
