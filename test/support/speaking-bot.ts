import {
  BotLauncher,
  type BotSession,
  createTransport,
  type MediaTransport,
  type RunnerArguments,
  type SessionEnd,
} from '../../src/index.js';
import { sharpened } from './sound.js';

/** A call that a {@link SpeakingBot} has taken. */
export interface TakenCall {
  readonly args: RunnerArguments;
  readonly transport: MediaTransport;
  /** DTMF digits so far. */
  readonly keys: string[];
  /** Resolves with the end of the session. */
  readonly ended: Promise<SessionEnd>;
}

/** Says back what it hears, each sample changed, so that no echo elsewhere can be taken for it. */
export class SpeakingBot extends BotLauncher {
  /** Set to `false` for a bot that only says what the test does. */
  saysBack = true;
  private readonly taken: TakenCall[] = [];
  private readonly waiting: ((call: TakenCall) => void)[] = [];

  /** The next call, in the order in which they came. */
  next(): Promise<TakenCall> {
    const call = this.taken.shift();
    return call ? Promise.resolve(call) : new Promise((resolve) => this.waiting.push(resolve));
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const { signal } = session;
    const ended = new Promise<SessionEnd>((resolve) =>
      signal.addEventListener('abort', () => resolve(signal.reason as SessionEnd)),
    );
    const transport = await createTransport(args, { sampleRateHz: 8_000 });
    const keys: string[] = [];
    transport.on('dtmf', (key) => keys.push(key));
    session.ready();
    const call = { args, transport, keys, ended };
    const waiting = this.waiting.shift();
    if (waiting) waiting(call);
    else this.taken.push(call);
    let before = new Int16Array(4);
    for await (const frame of transport.audioIn()) {
      const joined = Int16Array.from([...before, ...frame.pcm]);
      before = joined.slice(-4);
      if (this.saysBack) void transport.sendAudio({ ...frame, pcm: sharpened(joined).slice(4) });
    }
  }
}
