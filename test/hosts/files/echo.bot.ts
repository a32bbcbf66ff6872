import {
  BotLauncher,
  type BotSession,
  createTransport,
  type RunnerArguments,
} from 'nestjs-pipecat-runner';

/** Says back what it hears. */
export class EchoBot extends BotLauncher {
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args);
    session.ready();
    for await (const frame of transport.audioIn()) void transport.sendAudio(frame);
  }
}
