import type { BotSession } from './bot-session.js';
import type { RunnerArguments } from './runner-arguments.js';

/**
 * What a host implements to run its bot, and the DI token under which the runner finds it.
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
   * Runs one whole conversation. The session ends when the returned promise settles: `completed` when it resolves,
   * `failed` when it rejects. When `session.signal` aborts, return soon: after the grace period
   * (`stopGraceMs`) the runner closes the connection under the bot.
   *
   * @param args the connection of this conversation; `instanceof` distinguishes the transports
   * @param session identity, abort signal and readiness of this conversation
   */
  abstract launch(args: RunnerArguments, session: BotSession): Promise<void>;

  /**
   * Called once, when the runner begins to serve: what is to be ready for the first conversation, such as processes or models, starts here
   * and not in `onModuleInit`, which also runs in a CLI, a worker or a test that shares the module and never serves. Nobody waits for it; a failure
   * is logged.
   */
  prepare(): void | Promise<void> {}

  /**
   * Why this launcher cannot run a bot with such arguments, with the fix; `undefined` when it can. A transport that has no others is
   * disabled.
   */
  refusal(_args: abstract new (...init: never[]) => RunnerArguments): string | undefined {
    return undefined;
  }
}
