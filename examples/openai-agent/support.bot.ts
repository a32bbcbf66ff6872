import { Injectable } from '@nestjs/common';
import { RealtimeSession } from '@openai/agents-realtime';
import { BotLauncher, type BotSession, type RunnerArguments } from 'nestjs-pipecat-runner';
import { realtimeSession } from 'nestjs-pipecat-runner/agents';
import { SupportAgents } from './support.agents.js';

/** Talks with callers on the phone and in the browser. */
@Injectable()
export class SupportBot extends BotLauncher {
  constructor(private readonly agents: SupportAgents) {
    super();
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const { ended } = await realtimeSession(
      args,
      (transport) => new RealtimeSession(this.agents.create(), { transport }),
      {
        connect: { apiKey: process.env.OPENAI_API_KEY!, url: process.env.OPENAI_REALTIME_URL },
        session,
      },
    );
    session.ready();
    await ended;
  }
}
