import { BotProcess } from './bot-process.js';
import type { ResolvedProcessBotOptions } from './process-bot.options.js';

/** Delay before a warm process that exited is replaced, in milliseconds, since its successor may exit as well. */
const REPLACE_AFTER_MS = 1_000;
/** Delay before the pool is refilled, in milliseconds: loading takes all of a processor, which the conversation needs to connect. */
const REFILL_AFTER_MS = 250;

/** Pool of warm processes, so that a conversation does not wait for one to load. */
export class ProcessPool {
  private readonly idle = new Set<BotProcess>();
  private closed = false;
  private refill: NodeJS.Timeout | undefined;

  /**
   * @param modules Python modules that processes load beside the bot's
   * @param onLoaded called for each process once it is loaded
   */
  constructor(
    private readonly options: ResolvedProcessBotOptions,
    private readonly modules: Iterable<string>,
    private readonly onLoaded: (process: BotProcess) => void,
  ) {}

  /** Takes a process out of the pool, a loaded one if possible, or starts a new one. The pool is refilled when its conversation has begun. */
  take(): BotProcess {
    const waiting = [...this.idle];
    const taken = waiting.find(({ isLoaded }) => isLoaded) ?? waiting[0] ?? this.start();
    this.idle.delete(taken);
    this.refill ??= setTimeout(() => this.fill(), REFILL_AFTER_MS).unref();
    return taken;
  }

  /** Fills the pool. */
  fill(): void {
    clearTimeout(this.refill);
    this.refill = undefined;
    while (!this.closed && this.idle.size < this.options.warmProcesses) {
      const process = this.start();
      this.idle.add(process);
      void this.watch(process);
      void process.exited.then((how) => {
        if (!this.idle.delete(process) || this.closed) return;
        process.logger.error(`A process that waited for its conversation ${how}.`);
        // A process that never loaded would fail again, so the next is started on demand.
        if (process.isLoaded) setTimeout(() => this.fill(), REPLACE_AFTER_MS).unref();
      });
    }
  }

  /** Replaces a process that grows while it waits. One that needs more from the beginning would only be replaced again and again. */
  private async watch(process: BotProcess): Promise<void> {
    const { warmMemoryLimitBytes: limit } = this.options;
    if (limit === Infinity) return;
    // It exits, which is logged.
    await process.loaded.catch(() => undefined);
    const bytes = await process.memoryBytes();
    if (bytes > limit) {
      process.logger.warn(
        `warmMemoryLimitBytes is too low: a process that has just loaded has ${bytes} bytes`,
      );
    } else {
      process.watchMemory(limit, () => this.replace(process));
    }
  }

  private replace(process: BotProcess): void {
    if (!this.idle.delete(process)) return;
    process.logger.log('A process that waited for its conversation has grown, and is replaced.');
    process.kill('SIGTERM');
    this.fill();
  }

  private start(): BotProcess {
    const process = new BotProcess(this.options, this.modules);
    void process.loaded.then(
      () => this.onLoaded(process),
      () => undefined,
    );
    return process;
  }

  /** Stops the warm processes and the refilling. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.refill);
    const idle = [...this.idle];
    this.idle.clear();
    for (const process of idle) process.kill('SIGTERM');
    await Promise.all(idle.map(({ exited }) => exited));
  }
}
