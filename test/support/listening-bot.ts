import { EventEmitter, once } from 'node:events';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  type RunnerArguments,
} from '../../src/index.js';
import { RtviSession } from '../../src/bot.js';

/** A conversation that a {@link ListeningBot} is in. */
export interface Conversation {
  readonly args: RunnerArguments;
  readonly session: BotSession;
  readonly rtvi: RtviSession;
}

/** Says back what it hears, in sound and in messages, and tells the test. */
export class ListeningBot extends BotLauncher {
  private readonly events = new EventEmitter<{ frame: [level: number] }>();
  private readonly waiting: ((conversation: Conversation) => void)[] = [];
  /** Messages of clients. */
  readonly messages: unknown[] = [];

  /** The next conversation that begins. */
  next(): Promise<Conversation> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args);
    const rtvi = new RtviSession(transport, { logger: session.logger });
    rtvi.onClientMessage(({ type, data }) => {
      this.messages.push({ type, data });
      return { echo: data };
    });
    session.ready();
    this.waiting.shift()?.({ args, session, rtvi });
    for await (const frame of transport.audioIn()) {
      const { pcm } = frame;
      const power = pcm.reduce((sum, sample) => sum + sample * sample, 0);
      this.events.emit('frame', Math.sqrt(power / pcm.length));
      void transport.sendAudio(frame);
    }
  }

  /** The loudest it hears for so long: RMS, of 32768. */
  async loudest(ms: number): Promise<number> {
    let loudest = 0;
    const hear = (level: number): void => void (loudest = Math.max(loudest, level));
    this.events.on('frame', hear);
    await once(AbortSignal.timeout(ms), 'abort');
    this.events.off('frame', hear);
    return loudest;
  }

  /** Resolves when it hears someone speak. */
  async hearsSpeech(): Promise<void> {
    while ((await this.loudest(200)) < 500);
  }

  /** Resolves when it has heard nothing for a second. */
  async hearsSilence(): Promise<void> {
    while ((await this.loudest(1_000)) > 20);
  }
}
