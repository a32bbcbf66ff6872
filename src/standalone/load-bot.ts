import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { BotLauncher } from '../bot/bot-launcher.js';
import type { LauncherDefinition } from '../runner.module.js';

const ACCEPTED =
  'Its default export must be a class that extends BotLauncher, or a function: async function bot(args, session).';

/**
 * Loads the bot of the standalone runner.
 *
 * @param file path of a JavaScript module, from the working directory
 * @throws {Error} when it cannot be loaded or exports no bot
 */
export async function loadBot(file: string): Promise<LauncherDefinition> {
  const url = pathToFileURL(resolve(file)).href;
  let bot: unknown;
  try {
    bot = ((await import(url)) as { default?: unknown }).default;
  } catch (error) {
    throw new Error(`--bot ${file} cannot be loaded: ${String(error)}`, { cause: error });
  }
  if (typeof bot !== 'function') throw new Error(`--bot ${file} exports no bot. ${ACCEPTED}`);
  if (isLauncherClass(bot)) return { useClass: bot };
  if (/^class\b/.test(Function.prototype.toString.call(bot))) {
    throw new Error(`--bot ${file} exports a class without a launch() method. ${ACCEPTED}`);
  }
  const launch = bot as BotLauncher['launch'];
  return {
    useValue: new (class FunctionBot extends BotLauncher {
      async launch(...[args, session]: Parameters<BotLauncher['launch']>): Promise<void> {
        await launch(args, session);
      }
    })(),
  };
}

/** By its method, not by inheritance: the bot may extend another copy of this package's class. */
function isLauncherClass(bot: object): bot is new () => BotLauncher {
  const { prototype } = bot as { prototype?: { launch?: unknown } };
  return typeof prototype?.launch === 'function';
}
