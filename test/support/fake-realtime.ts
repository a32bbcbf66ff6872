import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { Conversation, type Model } from './realtime/conversation.js';
import type { Output } from './realtime/response.js';
import { isObject, RATE_HZ, Refusal } from './realtime/session.js';
import { tone } from './sound.js';

/**
 * A stand-in of OpenAI's Realtime API: sessions, audio, turns, responses with transcripts and calls of tools, truncation. It refuses what the
 * service would. Answers each turn with three seconds of a tone, sent as fast as it goes, unless {@link respond} says otherwise.
 *
 * Emits `asked` for each who connects, `conversation` for each that is let in, `truncated`, `speech` with what was heard of a turn, `closed` when
 * a connection is, and `problem` for whatever it refuses.
 */
export class FakeRealtime
  extends EventEmitter<{
    asked: [];
    conversation: [Conversation];
    truncated: [audioEndMs: number, itemId: string];
    speech: [Int16Array];
    problem: [string];
    closed: [];
  }>
  implements Model
{
  readonly apiKey = 'realtime-key';
  answer = tone(600, RATE_HZ, 3);
  deltaEveryMs = 0;
  /** Whoever connects is let in after this. */
  admission = Promise.resolve();
  /** HTTP status for those who connect, instead of a connection. */
  refusal: number | undefined;
  readonly conversations: Conversation[] = [];
  private readonly server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    verifyClient: ({ req }, admit) => {
      req.socket.once('close', () => this.emit('closed'));
      // Before it is let in nobody else would notice that it is gone.
      req.socket.once('end', () => req.socket.destroy()).resume();
      this.emit('asked');
      void this.admission.then(() => admit(this.refusal === undefined, this.refusal));
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

  respond: Model['respond'] = (): readonly Output[] => [{ text: 'A tone.', audio: this.answer }];
  transcribe: Model['transcribe'] = () => 'Ask not.';

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1/realtime`;
  }

  /** Number of connections. */
  get connections(): number {
    return this.server.clients.size;
  }

  /** Breaks all connections, by bytes that are no WebSocket's. */
  break(): void {
    for (const client of this.server.clients) {
      (client as unknown as { _socket: Socket })._socket.write(Buffer.from([0xff, 0xff]));
    }
  }

  /** Reads nothing any more, until {@link resume}. */
  pause(): void {
    for (const client of this.server.clients) client.pause();
  }

  resume(): void {
    for (const client of this.server.clients) client.resume();
  }

  /** Answers no close of a client. */
  deafen(): void {
    for (const client of this.server.clients) {
      const { _socket } = client as unknown as { _socket: Socket };
      Object.assign(_socket, { write: () => true, end: () => _socket });
    }
  }

  /** Ends all sessions, as the service does after the longest time that they may take. */
  expire(): void {
    for (const conversation of this.conversations) {
      const message = 'Your session hit the maximum duration of 60 minutes.';
      conversation.fail(new Refusal(message, 'session_expired'));
    }
    for (const client of this.server.clients) client.close(1001);
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
    const conversation = new Conversation(
      (event) => socket.readyState === socket.OPEN && socket.send(JSON.stringify(event)),
      this,
      {
        truncated: (audioEndMs, itemId) => this.emit('truncated', audioEndMs, itemId),
        speech: (speech) => this.emit('speech', speech),
        problem: (problem) => this.emit('problem', problem),
      },
    );
    this.conversations.push(conversation);
    this.emit('conversation', conversation);
    socket.on('message', (data: Buffer, isBinary) => {
      const event: unknown = isBinary ? undefined : JSON.parse(data.toString());
      conversation.take(isObject(event) ? event : { type: 'no object' });
    });
    socket.once('close', () => conversation.over());
  }
}
