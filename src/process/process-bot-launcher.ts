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
import { PythonPackages } from './python-packages.js';

/** Only live field that can be relayed to another process. */
const RELAYED = 'websocket';
/** Live field that a Python bot's own process can hold. */
const PEER = 'webrtc_connection';

/**
 * Runs each bot in an operating system process of its own, isolated from other conversations: leaks, blocking and crashes affect only
 * that bot. Its arguments are passed as JSON and the peer's WebSocket is relayed, so that the same bot also runs in the runner's process.
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
  private readonly python: PythonPackages | undefined;
  /** Python modules that processes load beside the bot's. */
  private readonly modules = new Set<string>();

  /** @throws {InvalidOptionsError} naming every invalid option, and why */
  constructor(options: ProcessBotOptions) {
    super();
    this.options = resolveProcessBotOptions(options);
    this.pool = new ProcessPool(this.options, this.modules);
    if (this.options.python !== undefined) this.python = new PythonPackages(this.options);
    if (this.options.memoryLimitBytes < Infinity && process.platform !== 'linux') {
      new Logger('ProcessBotLauncher').warn('memoryLimitBytes is kept on Linux only.');
    }
  }

  override prepare(): void {
    this.pool.fill();
  }

  /** Stops the warm processes. Busy ones end with their conversation. */
  onModuleDestroy(): Promise<void> {
    return this.pool.close();
  }

  /** True for Python bots over WebRTC and MoQ. Their processes load what that needs from then on. */
  override holdsPeers(args: { prototype: object }): boolean {
    const module = this.python?.moduleOf(args);
    if (module !== undefined) this.modules.add(module);
    return module !== undefined;
  }

  override refusal(args: { prototype: object }): string | undefined {
    const live = liveFieldOf(args);
    if (this.python && (live === undefined || live === PEER)) return this.python.problem(args);
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
