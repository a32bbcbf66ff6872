import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connectClient, placeCall, type PlaceCallOptions } from '../../../src/testing/index.js';
import type { FakeOpenAi } from '../fake-openai.js';
import { post } from '../runner-app.js';
import { spawnHost } from '../spawn-host.js';
import { Caller, PHONE, WEB } from './caller.js';

const PATIENCE_MS = 15_000;

/** Something that the host tells: of a session, or its answer to a question. */
export interface HostEvent {
  readonly session?: string;
  readonly atMs?: number;
  readonly state?: string;
  readonly role?: string;
  readonly text?: string;
  readonly interrupted?: boolean;
  readonly falseInterruption?: boolean;
  readonly tool?: string;
  /** The engine has given the first frame of something that it says. */
  readonly firstFrame?: boolean;
  /** The engine has dropped what it was saying. */
  readonly cleared?: boolean;
  /** How much was played of something that it has said, in milliseconds. */
  readonly playedMs?: number;
  /** A click of the caller's has reached the engine. */
  readonly click?: boolean;
  /** Probability that the user's turn has ended, as a detector finds. */
  readonly endOfTurn?: number;
  /** The bot's `launch()` returns. */
  readonly returned?: boolean;
  /** Code of the session's end. */
  readonly ended?: string;
  readonly message?: string;
  readonly census?: {
    readonly heapUsed: number;
    readonly sessions: number;
    readonly timers: object;
    readonly listeners: object;
    readonly children: string;
  };
  readonly usage?: { readonly rss: number; readonly user: number; readonly system: number };
  readonly closed?: number;
}

/** Fields of the `body` that `support-bot.js` reads. */
export interface AgentBody {
  readonly greeting?: string;
  readonly turnHandling?: object;
  /** Detector of ends of turns, instead of voice activity alone. */
  readonly detector?:
    | { readonly kind: 'model'; readonly unlikelyThreshold: number }
    | { readonly kind: 'words'; readonly unfinished: string };
  readonly connOptions?: object;
  /** All sessions with it are given the same one. */
  readonly shared?: 'AgentSession' | 'Agent';
  /** A listener of the bot's that throws or rejects. */
  readonly fails?: { readonly event: string; readonly how: 'sync' | 'async' };
  /** Has clicks noted. */
  readonly clicks?: boolean;
  /** Options of a `RealtimeModel` that hears and speaks, instead of three services and voice activity detection. */
  readonly model?: { readonly apiKey: string; readonly baseURL: string };
}

/** `agent-app.js` in its process. */
export class AgentHost {
  readonly events: HostEvent[] = [];
  private readonly taken = new Set<HostEvent>();

  private constructor(
    readonly child: ChildProcess,
    readonly url: string,
  ) {
    child.on('message', (event) => this.events.push(event as HostEvent));
  }

  /** Starts one. @param settings `inProcesses`: each bot has a process of its own; `commonJs`: the bot requires the engine; options of `LiveKitModule` */
  static async start(
    { url, apiKey }: FakeOpenAi,
    settings: {
      readonly inProcesses?: boolean;
      readonly commonJs?: boolean;
      readonly livekit?: object;
    } = {},
  ): Promise<AgentHost> {
    const openai = { baseURL: url, apiKey };
    const file = new URL('./agent-app.js', import.meta.url);
    const { child, port } = await spawnHost(file, { ...settings, openai });
    return new AgentHost(child, `http://127.0.0.1:${port}`);
  }

  /**
   * The next event that meets a condition, told already or later. Returns each once.
   * @throws {Error} with what was told, where it takes too long
   */
  async next(meets: (event: HostEvent) => unknown, timeoutMs = PATIENCE_MS): Promise<HostEvent> {
    const signal = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const event = this.events.find((one) => !this.taken.has(one) && meets(one));
      if (event) {
        this.taken.add(event);
        return event;
      }
      await once(this.child, 'message', { signal }).catch((cause: unknown) => {
        const told = this.events.map((one) => JSON.stringify(one)).join('\n');
        throw new Error(`${String(meets)} was not told, but\n${told}`, { cause });
      });
    }
  }

  /** Asks for a count of what the process holds, or what it used. */
  ask(question: 'census' | 'usage'): Promise<HostEvent> {
    this.child.send(question);
    return this.next((event) => question in event);
  }

  /** Resolves with the end of a session. */
  async end({ session }: Pick<Caller, 'session'>): Promise<Pick<HostEvent, 'ended' | 'message'>> {
    const { ended, message } = await this.next((one) => one.session === session && one.ended);
    return { ended, message };
  }

  /** Calls the bot by phone. */
  async call(
    body: AgentBody = {},
    carrier: Exclude<PlaceCallOptions['carrier'], object> = 'twilio',
  ): Promise<Caller> {
    const { json, sessionId } = await post(`${this.url}/start`, { transport: carrier, body });
    return new Caller(await placeCall({ carrier, url: String(json.wsUrl) }), sessionId, PHONE);
  }

  /** Connects to the bot as a Pipecat client does. */
  async connect(body: AgentBody = {}): Promise<Caller> {
    const { json, sessionId } = await post(`${this.url}/start`, { transport: 'websocket', body });
    return new Caller(await connectClient(String(json.wsUrl)), sessionId, WEB);
  }

  /** Ends a session from outside. */
  async stop({ session }: Caller): Promise<void> {
    await fetch(`${this.url}/sessions/${session}`, { method: 'DELETE' });
  }

  /** Closes the application. @returns the milliseconds until the process has ended after it */
  async close(): Promise<number> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return 0;
    const exited = once(this.child, 'exit').then(() => Date.now());
    const killing = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MS);
    void exited.then(() => clearTimeout(killing));
    this.child.send('close');
    const { closed } = await this.next((event) => event.closed);
    return (await exited) - closed!;
  }
}
