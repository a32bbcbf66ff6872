import { type BotSession, createTransport, type RunnerArguments } from 'nestjs-pipecat-runner/bot';
import './pcm.media.js';

/** Says what it hears, with the sign of each sample changed; in the runner's process, or in one of its own. */
export default async function bot(args: RunnerArguments, session: BotSession): Promise<void> {
  const transport = await createTransport(args);
  session.ready();
  for await (const { pcm, ...frame } of transport.audioIn()) {
    void transport.sendAudio({ ...frame, pcm: pcm.map((sample) => -sample) });
  }
}
