import { BotProcess } from './bot-process.js';
import type { ResolvedProcessBotOptions } from './process-bot.options.js';

/** The time until another takes the place of one that ended while it waited, in milliseconds: it may end as soon. */
const REPLACE_AFTER_MS = 1_000;

/** Processes that wait for their conversation, so that it need not wait for them. */
export class ProcessPool {
  private readonly idle = new Set<BotProcess>();
  private closed = false;

  constructor(private readonly options: ResolvedProcessBotOptions) {}

  /** One that waits, loaded if there is one, or else a new one; another takes its place. */
  take(): BotProcess {
    const waiting = [...this.idle];
    const taken =
      waiting.find(({ isLoaded }) => isLoaded) ?? waiting[0] ?? new BotProcess(this.options);
    this.idle.delete(taken);
    this.fill();
    return taken;
  }

  /** Starts as many as are missing. */
  fill(): void {
    while (!this.closed && this.idle.size < this.options.warmProcesses) {
      const process = new BotProcess(this.options);
      this.idle.add(process);
      void process.exited.then((how) => {
        if (!this.idle.delete(process) || this.closed) return;
        process.logger.error(`A process that waited for its conversation ${how}.`);
        // What was never loaded would fail again: it is tried when somebody needs it.
        if (process.isLoaded) setTimeout(() => this.fill(), REPLACE_AFTER_MS).unref();
      });
    }
  }

  /** Ends those that wait, and keeps none ready any more. */
  async close(): Promise<void> {
    this.closed = true;
    const idle = [...this.idle];
    this.idle.clear();
    for (const process of idle) process.kill('SIGTERM');
    await Promise.all(idle.map(({ exited }) => exited));
  }
}
