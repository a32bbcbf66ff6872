import type { BotSession } from './bot-session.js';
import type { RunnerArguments } from './runner-arguments.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { RunnerError } from '../errors/runner.error.js';

/**
 * Launcher of the host's bot, and its DI token.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class SupportBot extends BotLauncher {
 *   async launch(args: RunnerArguments, session: BotSession): Promise<void> {
 *     if (args instanceof WebSocketRunnerArguments) { … }
 *   }
 * }
 * ```
 */
export abstract class BotLauncher {
  /**
   * Runs one conversation. The session ends when the returned promise settles: `completed` when it resolves, `failed` when it rejects.
   * When `session.signal` aborts, return soon: after the grace period (`stopGraceMs`) the runner closes the bot's connection.
   *
   * @param args arguments of the transport; `instanceof` distinguishes them
   * @param session identity, abort signal and readiness of this conversation
   */
  abstract launch(args: RunnerArguments, session: BotSession): Promise<void>;

  /**
   * Lifecycle hook, called once when the runner begins to serve. Starts what the first conversation needs, such as processes or models. Unlike
   * `onModuleInit` it does not run in a CLI, a worker or a test that shares the module and never serves. Not awaited; a failure is logged.
   */
  prepare(): void | Promise<void> {}

  /**
   * Returns true if its bots hold the peer connection of such arguments in processes of their own. The runner then passes on the client's offer and
   * ICE candidates, and needs no WebRTC package. Called while the application starts, so that a launcher can prepare for such bots.
   */
  holdsPeers(_args: abstract new (...init: never[]) => RunnerArguments): boolean {
    return false;
  }

  /**
   * Returns the reason why this launcher cannot run a bot with such arguments, with the fix; `undefined` when it can. A transport with no other
   * arguments is disabled.
   */
  refusal(_args: abstract new (...init: never[]) => RunnerArguments): string | undefined {
    return undefined;
  }
}

const FIX =
  'No bot is configured. Pass one to the module: RunnerModule.forRoot({ launcher: MyBot }), where MyBot extends BotLauncher.';

/** Default launcher without a bot: warns at start-up, and refuses every start with the fix. */
export class MissingBotLauncher extends BotLauncher {
  override prepare(): void {
    new RunnerLogger('PipecatRunner').warn(FIX);
  }

  /** @throws {RunnerError} `NO_BOT` for the default launcher */
  static refuse(launcher: BotLauncher): void {
    if (launcher instanceof MissingBotLauncher) throw new RunnerError('NO_BOT', FIX);
  }

  async launch(): Promise<void> {
    MissingBotLauncher.refuse(this);
  }
}
