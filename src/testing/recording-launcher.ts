import { BotLauncher, type BotSession } from '../bot/bot-launcher.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';

/** One call of `launch()`. */
export interface Launch {
  readonly args: RunnerArguments;
  readonly session: BotSession;
}

/** Launcher for tests that records launches and lets the test wait for them. */
export class RecordingLauncher extends BotLauncher {
  readonly launches: Launch[] = [];
  private taken = 0;
  private waiting: ((launch: Launch) => void)[] = [];

  /** @param bot the bot; by default one that is ready at once and stays until its signal aborts */
  constructor(private readonly bot: BotLauncher['launch'] = stay) {
    super();
  }

  launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const launch = { args, session };
    this.launches.push(launch);
    const next = this.waiting.shift();
    if (next) {
      this.taken++;
      next(launch);
    }
    return this.bot(args, session);
  }

  /** Resolves with the next launch that was not returned yet. */
  nextLaunch(): Promise<Launch> {
    const launch = this.launches[this.taken];
    if (launch) {
      this.taken++;
      return Promise.resolve(launch);
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

function stay(_args: RunnerArguments, session: BotSession): Promise<void> {
  session.ready();
  return new Promise((resolve) => {
    if (session.signal.aborted) resolve();
    else session.signal.addEventListener('abort', () => resolve());
  });
}
