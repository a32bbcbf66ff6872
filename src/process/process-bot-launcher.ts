import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { BotLauncher } from '../bot/bot-launcher.js';
import type { BotSession } from '../bot/bot-session.js';
import { liveFieldOf } from '../bot/live-field.decorator.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import { BotRun } from './bot-run.js';
import {
  type ProcessBotOptions,
  type ResolvedProcessBotOptions,
  resolveProcessBotOptions,
} from './process-bot.options.js';
import { ProcessPool } from './process-pool.js';

/** The one live thing that can be passed on. */
const RELAYED = 'websocket';

/**
 * Runs each bot in an operating system process of its own: what it leaks, blocks or crashes is its own, and no other conversation's. It gets
 * its arguments as JSON, and the peer's WebSocket relayed, so that the same bot runs in the runner's process or outside.
 *
 * @example
 * ```ts
 * RunnerModule.forRoot({
 *   launcher: { useFactory: () => new ProcessBotLauncher({ python: './bot.py', warmProcesses: 2 }) },
 * })
 * ```
 */
@Injectable()
export class ProcessBotLauncher extends BotLauncher implements OnModuleDestroy {
  private readonly options: ResolvedProcessBotOptions;
  private readonly pool: ProcessPool;

  /** @throws {InvalidOptionsError} naming every option that cannot be used, and why */
  constructor(options: ProcessBotOptions) {
    super();
    this.options = resolveProcessBotOptions(options);
    this.pool = new ProcessPool(this.options);
    if (this.options.memoryLimitBytes < Infinity && process.platform !== 'linux') {
      new Logger('ProcessBotLauncher').warn('memoryLimitBytes is kept on Linux only.');
    }
  }

  override prepare(): void {
    this.pool.fill();
  }

  /** The processes that have a conversation end with it. */
  onModuleDestroy(): Promise<void> {
    return this.pool.close();
  }

  override refusal(args: { prototype: object }): string | undefined {
    const live = liveFieldOf(args);
    return live === undefined || live === RELAYED
      ? undefined
      : `its ${live} cannot travel to the process of a bot: use a launcher that runs in the runner's own`;
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const refusal = this.refusal(args.constructor);
    if (refusal !== undefined) throw new Error(`${args.constructor.name}: ${refusal}.`);
    await new BotRun(this.pool.take(), args, session, this.options).over;
  }
}
