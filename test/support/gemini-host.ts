import { GoogleGenAI, Modality } from '@google/genai';
import { Injectable, Module } from '@nestjs/common';
import { type AgentConversation, type LiveFunctionCall, liveSession } from '../../src/agents.js';
import {
  BotLauncher,
  type BotSession,
  RunnerModule,
  type RunnerArguments,
  type Session,
  type SessionEnd,
  SessionRegistry,
  SmallWebRtcModule,
  TelephonyModule,
  WebSocketModule,
} from '../../src/index.js';
import { startHost, type TestHost } from '../../src/testing/index.js';
import type { FakeGemini } from './fake-gemini.js';
import { Lines } from './lines.js';

/** A provider that the model calls. */
@Injectable()
export class Orders {
  /** Set to answer late. */
  find: (call: LiveFunctionCall, signal: AbortSignal) => unknown = ({ args }) => ({
    order: args?.order,
    state: 'on its way',
  });
}

@Module({ providers: [Orders], exports: [Orders] })
class OrdersModule {}

/** Talks to a model that it is given in its `body`, or else to the one of the host. */
@Injectable()
export class GeminiBot extends BotLauncher {
  fake!: FakeGemini;
  resumes = true;
  hasFunctions = true;
  readonly conversations: AgentConversation[] = [];

  constructor(readonly orders: Orders) {
    super();
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const { apiKey, baseUrl, model } = this.fake;
    const ai = new GoogleGenAI({ apiKey, httpOptions: { baseUrl } });
    const conversation = await liveSession(
      args,
      (callbacks, handle) =>
        ai.live.connect({
          model,
          config: {
            responseModalities: [Modality.AUDIO],
            inputAudioTranscription: {},
            outputAudioTranscription: {},
            ...(this.resumes && { sessionResumption: { handle } }),
          },
          callbacks,
        }),
      {
        session,
        ...(this.hasFunctions && {
          onFunctionCall: (call, signal) => this.orders.find(call, signal),
        }),
      },
    );
    this.conversations.push(conversation);
    session.ready();
    await conversation.ended;
  }
}

/** A host whose bots talk to a model. */
export class GeminiHost {
  private constructor(
    readonly host: TestHost,
    readonly lines: Lines,
    readonly sessions: Session[],
  ) {}

  static async start(fake: FakeGemini): Promise<GeminiHost> {
    const lines = new Lines();
    const host = await startHost(
      RunnerModule.forRoot({
        launcher: GeminiBot,
        imports: [OrdersModule],
        transports: [
          WebSocketModule.forRoot(),
          TelephonyModule.forRoot(),
          SmallWebRtcModule.forRoot(),
        ],
      }),
      { configure: (app) => app.useLogger(lines) },
    );
    const it = new GeminiHost(host, lines, []);
    it.bot.fake = fake;
    it.registry.observers.add({
      changed: (session) => void (session.state.name === 'launching' && it.sessions.push(session)),
    });
    return it;
  }

  get bot(): GeminiBot {
    return this.host.app.get(BotLauncher, { strict: false });
  }

  get registry(): SessionRegistry {
    return this.host.app.get(SessionRegistry, { strict: false });
  }

  /** End of the newest session. */
  get end(): Promise<SessionEnd> {
    return this.sessions.at(-1)!.ended;
  }
}
