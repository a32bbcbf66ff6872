import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { RunnerLogger } from '../errors/runner-logger.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { SessionRegistry } from './session-registry.js';

/** What asks a process to end. */
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Lets the runner finish: no new sessions, the conversations under way go on to their end or for `drainTimeoutMs`, then they are
 * ended as `draining`. Comes by itself when the application shuts down, before anything that the bots were given by Nest is destroyed.
 */
@Injectable()
export class RunnerDrain implements OnModuleDestroy {
  private draining: Promise<void> | undefined;
  private readonly haste = new AbortController();

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly sessions: SessionRegistry,
  ) {}

  /** Begins, such as before the orchestrator is told to stop sending callers. @returns when every session has ended */
  start(): Promise<void> {
    return (this.draining ??= this.drain());
  }

  /** Waits for no conversation any longer, neither now nor in a drain still to come. */
  hurry(): void {
    this.haste.abort();
  }

  /** A signal that comes while the application is shutting down already is someone who cannot wait. */
  async onModuleDestroy(): Promise<void> {
    const hurry = (): void => this.hurry();
    // Nest ignores the second signal; without a listener there, even a first one must do what it always does.
    const signals = SIGNALS.filter((signal) => process.listenerCount(signal) > 0);
    for (const signal of signals) process.on(signal, hurry);
    try {
      await this.start();
    } finally {
      for (const signal of signals) process.off(signal, hurry);
    }
  }

  private async drain(): Promise<void> {
    const running = this.sessions.close();
    if (running.length > 0) await this.waitFor(running.map((session) => session.ended));
    await this.sessions.drain();
  }

  private async waitFor(ends: Promise<unknown>[]): Promise<void> {
    const { drainTimeoutMs } = this.options;
    new RunnerLogger('PipecatRunner').log(
      `draining: waiting up to ${drainTimeoutMs} ms for ${ends.length} session(s) to end`,
    );
    let timer: NodeJS.Timeout | undefined;
    const { signal } = this.haste;
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, drainTimeoutMs);
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([Promise.all(ends), tooLong]);
    clearTimeout(timer);
  }
}
