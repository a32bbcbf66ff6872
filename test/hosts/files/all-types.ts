import { Module } from '@nestjs/common';
import * as runner from 'nestjs-pipecat-runner';
import * as agents from 'nestjs-pipecat-runner/agents';
import * as testing from 'nestjs-pipecat-runner/testing';

export class Bot extends runner.BotLauncher {
  async launch(args: runner.RunnerArguments, session: runner.BotSession): Promise<void> {
    const transport: runner.MediaTransport = await runner.createTransport(args);
    session.ready();
    for await (const frame of transport.audioIn()) {
      const rate: number = frame.sampleRateHz;
      await transport.sendAudio({ ...frame, sampleRateHz: rate });
    }
  }
}

/** The engines need not be installed: an agent is whatever has their shape. */
export async function converse(
  transport: runner.MediaTransport,
  engine: agents.Engine<string>,
  session: runner.BotSession,
): Promise<void> {
  const { ended } = await agents.agentSession(transport, engine, { agent: 'support', session });
  await ended;
}

@Module({
  imports: [
    runner.RunnerModule.forRoot({
      launcher: Bot,
      transports: [runner.WebSocketModule.forRoot(), runner.TelephonyModule.forRoot()],
    }),
  ],
})
export class AppModule {}

export const host: Promise<testing.TestHost> = testing.startHost(AppModule);

// @ts-expect-error -- where types are not found, all would be `any`, and this no mistake
export const wrong: number = runner.createTransport;
// @ts-expect-error -- likewise
export const alsoWrong: number = testing.connectClient;
// @ts-expect-error -- likewise
export const wrongAsWell: number = agents.agentSession;
