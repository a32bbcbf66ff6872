import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { BotLauncher, type BotSession } from '../bot/bot-launcher.js';
import { liveFieldOf } from '../bot/wire-classes.js';
import type { FileStorage } from '../bot/file-storage.js';
import type { RunnerArguments } from '../bot/runner-arguments.js';
import { BotRun } from './bot-run.js';
import {
  type ProcessBotOptions,
  type ResolvedProcessBotOptions,
  resolveProcessBotOptions,
} from './process-bot.options.js';
import { ProcessFileStorage } from './process-file-storage.js';
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
  private hasLoggedRoutes = false;
  private storage: Promise<ProcessFileStorage | undefined> | undefined;

  /** @throws {InvalidOptionsError} naming every invalid option, and why */
  constructor(options: ProcessBotOptions) {
    super();
    this.options = resolveProcessBotOptions(options);
    this.pool = new ProcessPool(this.options, this.modules, ({ routes }) => this.logRoutes(routes));
    if (this.options.python !== undefined) this.python = new PythonPackages(this.options);
    const { memoryLimitBytes, warmMemoryLimitBytes } = this.options;
    if (
      Math.min(memoryLimitBytes, warmMemoryLimitBytes) < Infinity &&
      process.platform !== 'linux'
    ) {
      new Logger('ProcessBotLauncher').warn('Limits of memory are kept on Linux only.');
    }
  }

  override prepare(): void {
    this.pool.fill();
  }

  /** Stops the warm processes, and that of the storage. Busy ones end with their conversation. */
  async onModuleDestroy(): Promise<void> {
    const storage = await this.storage;
    await Promise.all([this.pool.close(), storage?.close()]);
  }

  /**
   * Returns the storage of uploads that a Python bot brings along, for the option `fileStorage` of `RunnerModule`: what its `create_file_storage()`
   * returns. `undefined` for any other bot. Its file is read once, by the bot's Python.
   */
  fileStorage(): Promise<FileStorage | undefined> {
    return (this.storage ??= ProcessFileStorage.of(this.options, () => this.pool.take()));
  }

  /** True for Python bots over WebRTC and MoQ. */
  override holdsPeers(args: { prototype: object }): boolean {
    return this.python?.knows(args) ?? false;
  }

  /** Has processes load what such connections need from then on. */
  override preparePeers(args: { prototype: object }): void {
    for (const module of this.python?.modulesOf(args) ?? []) this.modules.add(module);
  }

  override refusal(args: { prototype: object }): string | undefined {
    const live = liveFieldOf(args);
    if (this.python && (live === undefined || live === PEER)) return this.python.problem(args);
    return live === undefined || live === RELAYED
      ? undefined
      : `its ${live} cannot travel to the process of a bot: use a launcher that runs in the runner's own`;
  }

  /** Says once where the routes are that the bot's own program would have served. */
  private logRoutes(routes: readonly string[]): void {
    if (this.hasLoggedRoutes) return;
    this.hasLoggedRoutes = true;
    const logger = new Logger('ProcessBotLauncher');
    for (const route of routes) {
      const [methods = '', path = ''] = route.split(' ', 2);
      if (methods === 'WEBSOCKET') logger.warn(`The bot’s route ${route} is not served.`);
      else
        logger.log(`The bot’s route ${route} is served at /sessions/<id>${path}, to its session.`);
    }
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const refusal = this.refusal(args.constructor);
    if (refusal !== undefined) throw new Error(`${args.constructor.name}: ${refusal}.`);
    await new BotRun(this.pool.take(), args, session, this.options).over;
  }
}
