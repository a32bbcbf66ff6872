import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { causedBy, textOfThrown } from '../errors/thrown.js';
import { isClass } from '../validation/options.js';
import { BotLauncher } from './bot-launcher.js';

const ACCEPTED =
  'Its default export must be a class that extends BotLauncher, or a function: async function bot(args, session).';

/**
 * Loads a bot from a file, for the standalone runner and for bot processes.
 * @param file path of a JavaScript module, relative to the working directory
 * @returns its class, or a launcher that calls its function
 * @throws {Error} when the module cannot be loaded or exports no bot
 */
export async function loadBot(file: string): Promise<(new () => BotLauncher) | BotLauncher> {
  const url = pathToFileURL(resolve(file)).href;
  let bot: unknown;
  try {
    bot = ((await import(url)) as { default?: unknown }).default;
  } catch (thrown) {
    const { text } = textOfThrown(thrown);
    throw new Error(`The bot ${file} cannot be loaded: ${text}`, causedBy({ cause: thrown }));
  }
  if (typeof bot !== 'function') throw new Error(`${file} exports no bot. ${ACCEPTED}`);
  if (isLauncherClass(bot)) return bot;
  if (isClass(bot)) {
    throw new Error(`${file} exports a class without a launch() method. ${ACCEPTED}`);
  }
  const launch = bot as BotLauncher['launch'];
  return new (class FunctionBot extends BotLauncher {
    async launch(...[args, session]: Parameters<BotLauncher['launch']>): Promise<void> {
      await launch(args, session);
    }
  })();
}

/** Checks for the method, since the bot may extend another copy of this package's class. */
function isLauncherClass(bot: object): bot is new () => BotLauncher {
  const { prototype } = bot as { prototype?: { launch?: unknown } };
  return typeof prototype?.launch === 'function';
}
