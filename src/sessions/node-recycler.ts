import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import { RunnerServing } from '../http/runner-serving.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { SessionRegistry } from './session-registry.js';

/** Interval of the checks, in milliseconds. */
const CHECK_MS = 1_000;

/**
 * Recycling of this process, after a number of sessions or beyond an amount of memory: it takes no more sessions, waits as long as its conversations last, and
 * ends by SIGTERM, for its supervisor to start another.
 */
@Injectable()
export class NodeRecycler implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new RunnerLogger('PipecatRunner');
  private served = 0;
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly sessions: SessionRegistry,
    private readonly serving: RunnerServing,
  ) {}

  onModuleInit(): void {
    const { recycleAfterSessions, recycleMemoryBytes } = this.options;
    if (recycleAfterSessions === Infinity && recycleMemoryBytes === Infinity) return;
    this.sessions.observers.add({
      changed: ({ state }) => {
        if (state.name === 'ended' && state.launchedAtMs !== undefined) this.served++;
      },
    });
    this.serving.onServing('recycling', () => this.schedule());
  }

  onModuleDestroy(): void {
    this.isOver = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (!this.isOver) this.timer = setTimeout(() => void this.check(), CHECK_MS).unref();
  }

  private async check(): Promise<void> {
    const reason = this.reason();
    try {
      if (reason !== undefined && (await this.sessions.retire(() => this.say(reason)))) {
        if (!this.isOver) process.kill(process.pid, 'SIGTERM');
        return;
      }
    } catch (thrown) {
      this.logger.warn(`not recycled: ${textOfThrown(thrown).message}`);
    }
    this.schedule();
  }

  private reason(): string | undefined {
    const { recycleAfterSessions, recycleMemoryBytes } = this.options;
    if (this.served >= recycleAfterSessions) return `${this.served} sessions`;
    const bytes = recycleMemoryBytes < Infinity ? residentBytes() : 0;
    return bytes > recycleMemoryBytes ? `${bytes} bytes of memory` : undefined;
  }

  private say(reason: string): void {
    this.logger.log(`recycled after ${reason}: it takes no more sessions, and ends with its last`);
  }
}

/** Returns the resident memory of this process, in bytes; 0 where there is no descriptor left to read it with. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}
