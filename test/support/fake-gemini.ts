import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  type ClientMessage,
  type Conversation,
  FakeLive,
  type FunctionResponse,
  OUTPUT_HZ,
  type Setup,
  type Turn,
} from './fake-live.js';
import { tone } from './sound.js';

const PATH =
  /^\/+ws\/google\.ai\.generativelanguage\.v1\w*\.GenerativeService\.BidiGenerateContent$/;

interface Events {
  /** Somebody connects. */
  asked: [];
  opened: [FakeLive];
  turn: [Turn, FakeLive];
  interrupted: [];
  toolResponse: [FunctionResponse];
  /** Messages that the real one would refuse. */
  problem: [string];
  closed: [];
}

/**
 * A model in the place of Gemini's Live API (`BidiGenerateContent` over a WebSocket): detects turns by loudness, answers each with a tone and
 * its text, sent as fast as it goes, is interrupted, calls functions, and resumes sessions by their handles.
 */
export class FakeGemini extends EventEmitter<Events> {
  readonly apiKey = 'gemini-key';
  readonly model = 'gemini-live-test';
  answer = tone(600, OUTPUT_HZ, 3);
  answerText = 'One two three four five six.';
  /** Reacts to a turn. */
  onTurn: (live: FakeLive, turn: Turn) => void = (live) => live.say();
  /** Whoever connects is let in after this. */
  admission = Promise.resolve();
  /** `silent`: sets nothing up; `refuse`: 403; a code and reason: closes instead of the set-up. */
  atSetup: 'complete' | 'silent' | 'refuse' | readonly [code: number, reason: string] = 'complete';
  readonly problems: string[] = [];
  readonly handles = new Map<string, Conversation>();
  /** Connections so far, and those that are open. */
  readonly opened: FakeLive[] = [];
  private readonly server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    verifyClient: ({ req }, admit) => {
      req.socket.once('close', () => this.emit('closed'));
      this.emit('asked');
      void this.admission.then(() => admit(this.atSetup !== 'refuse', 403));
    },
  });

  /** `httpOptions.baseUrl` of the library. */
  baseUrl = '';
  private closing: Promise<unknown> | undefined;

  private constructor() {
    super();
    this.server.on('connection', (socket, request) => this.serve(socket, request));
  }

  static async start(): Promise<FakeGemini> {
    const fake = new FakeGemini();
    await once(fake.server, 'listening');
    fake.baseUrl = `http://127.0.0.1:${(fake.server.address() as AddressInfo).port}`;
    return fake;
  }

  get connections(): number {
    return this.server.clients.size;
  }

  /** The newest connection. */
  get live(): FakeLive {
    return this.opened.at(-1)!;
  }

  /** Resolves with a connection, by its number from 1, once it is set up. */
  async connected(number = 1): Promise<FakeLive> {
    while (this.opened.length < number) await once(this, 'opened');
    return this.opened[number - 1]!;
  }

  close(): Promise<unknown> {
    return (this.closing ??= this.stop());
  }

  private stop(): Promise<unknown> {
    for (const client of this.server.clients) client.terminate();
    this.server.close();
    return once(this.server, 'close');
  }

  /** @internal */
  refuse(problem: string): void {
    this.problems.push(problem);
    this.emit('problem', problem);
  }

  private serve(socket: WebSocket, request: IncomingMessage): void {
    const url = new URL(`${this.baseUrl}${request.url}`);
    if (!PATH.test(url.pathname)) {
      this.refuse(`no method ${url.pathname}`);
      return socket.close(1008, 'no such method');
    }
    if (url.searchParams.get('key') !== this.apiKey) {
      return socket.close(1008, 'API key not valid. Please pass a valid API key.');
    }
    socket.once('message', (data: Buffer) => {
      const { setup } = JSON.parse(data.toString()) as ClientMessage;
      const problem = this.problemOf(setup);
      if (problem !== undefined) {
        this.refuse(problem);
        return socket.close(1007, problem);
      }
      if (this.atSetup === 'silent') return;
      if (Array.isArray(this.atSetup)) return socket.close(...(this.atSetup as [number, string]));
      const { handle } = setup!.sessionResumption ?? {};
      const past = handle === undefined ? undefined : this.handles.get(handle);
      if (handle !== undefined && !past) return socket.close(1008, 'Invalid session handle.');
      this.opened.push(new FakeLive(this, socket, setup!, past));
      this.emit('opened', this.live);
    });
  }

  private problemOf(setup: Setup | undefined): string | undefined {
    if (!setup) return 'the first message must be the setup';
    if (setup.model !== `models/${this.model}`) return `setup: no model ${setup.model}`;
    if (setup.generationConfig?.responseModalities?.join() !== 'AUDIO') return 'setup: AUDIO only';
    return undefined;
  }
}
