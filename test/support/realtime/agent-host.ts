import { once } from 'node:events';
import {
  RealtimeAgent,
  RealtimeSession,
  type RealtimeSessionOptions,
} from '@openai/agents-realtime';
import { type AgentConversation, realtimeSession } from '../../../src/agents.js';
import {
  BotLauncher,
  type BotSession,
  type RunnerArguments,
  RunnerModule,
  type SessionEnd,
  SessionRegistry,
  SmallWebRtcModule,
  TelephonyModule,
  WebSocketModule,
} from '../../../src/index.js';
import { type FakeCall, startHost, type TestHost } from '../../../src/testing/index.js';
import { FakeRealtime } from '../fake-realtime.js';
import { Lines } from '../lines.js';
import { speech } from '../sound.js';

/** A conversation of {@link AgentBot}. */
export interface Talk {
  readonly args: RunnerArguments;
  readonly realtime: RealtimeSession;
  readonly conversation: AgentConversation;
}

/** A bot with an agent that the test gives. */
export class AgentBot extends BotLauncher {
  agent = (): RealtimeAgent => new RealtimeAgent({ name: 'Ada', instructions: 'Be brief.' });
  options: Partial<RealtimeSessionOptions> = {};
  readonly talks: Talk[] = [];
  /** Creates the session of an agent. */
  create = (agent: RealtimeAgent, options: Partial<RealtimeSessionOptions>): RealtimeSession =>
    new RealtimeSession(agent, options);
  /** Called before the agent connects. */
  prepareAgent: (realtime: RealtimeSession) => void = () => undefined;

  constructor(private readonly service: FakeRealtime) {
    super();
  }

  get talk(): Talk {
    return this.talks.at(-1)!;
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    let realtime!: RealtimeSession;
    const { apiKey, url } = this.service;
    const conversation = await realtimeSession(
      args,
      (transport) => {
        realtime = this.create(this.agent(), { transport, ...this.options });
        this.prepareAgent(realtime);
        return realtime;
      },
      { connect: { apiKey, url }, session },
    );
    this.talks.push({ args, realtime, conversation });
    session.ready();
    await conversation.ended;
  }
}

/** A host whose bot is an agent of the stand-in. */
export class AgentHost {
  readonly problems: string[] = [];
  readonly lines = new Lines();
  private readonly ends: Promise<SessionEnd>[] = [];

  private constructor(
    readonly service: FakeRealtime,
    readonly bot: AgentBot,
    readonly host: TestHost,
  ) {
    service.on('problem', (problem) => this.problems.push(problem));
    this.registry.observers.add({
      changed: (session) =>
        void (session.state.name === 'launching' && this.ends.push(session.ended)),
    });
  }

  static async start(): Promise<AgentHost> {
    const service = await FakeRealtime.start();
    const bot = new AgentBot(service);
    const host = await startHost(
      RunnerModule.forRoot({
        launcher: { useFactory: () => bot },
        transports: [
          WebSocketModule.forRoot(),
          TelephonyModule.forRoot(),
          SmallWebRtcModule.forRoot({ iceServers: [] }),
        ],
      }),
      { logger: false },
    );
    const it = new AgentHost(service, bot, host);
    host.app.useLogger(it.lines);
    return it;
  }

  get registry(): SessionRegistry {
    return this.host.app.get(SessionRegistry, { strict: false });
  }

  /** End of the newest session. */
  get end(): Promise<SessionEnd> {
    return this.ends.at(-1)!;
  }

  async close(): Promise<void> {
    await this.host.close();
    await this.service.close();
  }

  /** A turn of a caller that the model has heard whole. @returns what it heard */
  async turn(call: FakeCall, said = speech(1)): Promise<Int16Array> {
    const heard = once(this.service, 'speech');
    await call.speak(said, { pace: 'asap' });
    await call.speak(new Int16Array(8_000), { pace: 'asap' });
    const [there] = (await heard) as [Int16Array];
    return there;
  }
}
