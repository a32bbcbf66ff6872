import { Injectable, Logger } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { BotLauncher } from './bot-launcher.js';

const FIX =
  'No bot is configured. Pass one to the module: RunnerModule.forRoot({ launcher: MyBot }), where MyBot extends BotLauncher.';

/** Default launcher without a bot: warns at start-up, and refuses every start with the fix. */
@Injectable()
export class MissingBotLauncher extends BotLauncher {
  override prepare(): void {
    new Logger('PipecatRunner').warn(FIX);
  }

  /** @throws {RunnerError} `NO_BOT` for the default launcher */
  static refuse(launcher: BotLauncher): void {
    if (launcher instanceof MissingBotLauncher) throw new RunnerError('NO_BOT', FIX);
  }

  async launch(): Promise<void> {
    MissingBotLauncher.refuse(this);
  }
}
