import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { pcmFromBytes } from '../../src/bot.js';
import { tone } from './sound.js';

const RATE_HZ = 24_000;
/** Louder than this is speech. */
const SPEECH_RMS = 500;
const SILENCE_MS = 400;
const DELTA_MS = 100;

/**
 * A speech-to-speech service in the place of OpenAI's Realtime API (its events of audio, turns and interruption): answers each turn with
 * three seconds of a tone, sent as fast as it goes. Emits `asked` for each who connects, `truncated`, `speech` with what was heard of a
 * turn, `closed` when a connection is, and `problem` for whatever it would refuse.
 */
export class FakeRealtime extends EventEmitter<{
  asked: [];
  truncated: [audioEndMs: number];
  speech: [Int16Array];
  problem: [string];
  closed: [];
}> {
  readonly apiKey = 'realtime-key';
  answer = tone(600, RATE_HZ, 3);
  /** Whoever connects is let in after this. */
  admission = Promise.resolve();
  private readonly server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    verifyClient: ({ req }, admit) => {
      req.socket.once('close', () => this.emit('closed'));
      // Before it is let in nobody else would notice that it is gone.
      req.socket.once('end', () => req.socket.destroy()).resume();
      this.emit('asked');
      void this.admission.then(() => admit(true));
    },
  });

  private constructor() {
    super();
    this.server.on('connection', (socket, request) => this.serve(socket, request));
  }

  static async start(): Promise<FakeRealtime> {
    const fake = new FakeRealtime();
    await once(fake.server, 'listening');
    return fake;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1/realtime`;
  }

  /** Breaks all connections, by bytes that are no WebSocket's. */
  break(): void {
    for (const client of this.server.clients) {
      (client as unknown as { _socket: Socket })._socket.write(Buffer.from([0xff, 0xff]));
    }
  }

  async close(): Promise<void> {
    for (const client of this.server.clients) client.terminate();
    this.server.close();
    await once(this.server, 'close');
  }

  private serve(socket: WebSocket, request: IncomingMessage): void {
    if (request.headers.authorization !== `Bearer ${this.apiKey}`) {
      socket.close(1008, 'invalid_api_key');
      return;
    }
    const turns = new Turns(
      (event) => socket.send(JSON.stringify(event)),
      this.answer,
      (speech) => this.emit('speech', speech),
    );
    socket.on('message', (data: Buffer, isBinary) => {
      const problem = isBinary ? 'binary' : this.take(JSON.parse(data.toString()) as Event, turns);
      if (problem === undefined) return;
      socket.send(JSON.stringify({ type: 'error', error: { message: problem } }));
      this.emit('problem', problem);
    });
    socket.send(JSON.stringify({ type: 'session.created', session: { type: 'realtime' } }));
  }

  /** @returns what is wrong with the event */
  private take(event: Event, turns: Turns): string | undefined {
    switch (event.type) {
      case 'session.update': {
        const { type, audio } = event.session ?? {};
        const formats = [audio?.input?.format, audio?.output?.format];
        const right = formats.every((one) => one?.type === 'audio/pcm' && one.rate === RATE_HZ);
        if (type !== 'realtime' || !right) return 'session: audio/pcm at 24000 both ways';
        turns.configured = true;
        return undefined;
      }
      case 'input_audio_buffer.append': {
        const bytes = Buffer.from(event.audio ?? '', 'base64');
        if (!turns.configured || bytes.length === 0 || bytes.length % 2) return 'append: no audio';
        turns.hear(pcmFromBytes(bytes));
        return undefined;
      }
      case 'conversation.item.truncate':
        if (event.item_id !== turns.itemId || event.content_index !== 0) return 'truncate: no item';
        if (event.audio_end_ms! > turns.answerMs) return 'truncate: there is less audio';
        this.emit('truncated', event.audio_end_ms!);
        return undefined;
      default:
        return `unknown event ${event.type}`;
    }
  }
}

interface Event {
  readonly type: string;
  readonly audio?: string;
  readonly item_id?: string;
  readonly content_index?: number;
  readonly audio_end_ms?: number;
  readonly session?: {
    readonly type?: string;
    readonly audio?: Record<
      'input' | 'output',
      { readonly format?: { readonly type: string; readonly rate: number } } | undefined
    >;
  };
}

/** Tells turns apart by loudness, as a server VAD does, and answers them. */
class Turns {
  configured = false;
  private turn = 0;
  private speaking = false;
  private quietMs = 0;
  private speech: number[] = [];

  constructor(
    private readonly send: (event: object) => void,
    private readonly answer: Int16Array,
    private readonly onSpeech: (speech: Int16Array) => void,
  ) {}

  get answerMs(): number {
    return (this.answer.length * 1_000) / RATE_HZ;
  }

  get itemId(): string {
    return `item_${this.turn}`;
  }

  hear(pcm: Int16Array): void {
    const loud = pcm.reduce((sum, x) => sum + x * x, 0) > pcm.length * SPEECH_RMS ** 2;
    this.quietMs = loud ? 0 : this.quietMs + (pcm.length * 1_000) / RATE_HZ;
    if (loud && !this.speaking) {
      this.speaking = true;
      this.send({ type: 'input_audio_buffer.speech_started', item_id: this.itemId });
    }
    if (!this.speaking) return;
    this.speech.push(...pcm);
    if (this.quietMs < SILENCE_MS) return;
    this.speaking = false;
    this.onSpeech(Int16Array.from(this.speech.splice(0)));
    this.send({ type: 'input_audio_buffer.speech_stopped', item_id: this.itemId });
    this.respond();
  }

  private respond(): void {
    const item_id = `item_${++this.turn}`;
    const samples = (RATE_HZ * DELTA_MS) / 1_000;
    this.send({ type: 'response.created', response: { id: `resp_${this.turn}` } });
    for (let at = 0; at < this.answer.length; at += samples) {
      const pcm = this.answer.slice(at, at + samples);
      const delta = Buffer.from(pcm.buffer).toString('base64');
      this.send({ type: 'response.output_audio.delta', item_id, content_index: 0, delta });
    }
    this.send({ type: 'response.output_audio.done', item_id });
    this.send({ type: 'response.done', response: { status: 'completed' } });
  }
}
