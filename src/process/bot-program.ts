import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BotProgram } from './process-bot.options.js';

// From the package's root, so that they are found from its sources as well.
const NODE_HOST = fileURLToPath(new URL('../../dist/process/host/bot-host.js', import.meta.url));
const PYTHON_HOST = fileURLToPath(new URL('../../python/bot_host.py', import.meta.url));

/** What is executed. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: NodeJS.ProcessEnv | undefined;
}

/** The command that runs a bot: its own, or that of the host which the package has for its language. */
export function programOf({ args = [], cwd, env, ...program }: BotProgram): Program {
  // From the runner's folder, whatever that of the bot is.
  if (program.module !== undefined) {
    return {
      command: process.execPath,
      args: [...args, NODE_HOST, resolve(program.module)],
      cwd,
      env,
    };
  }
  if (program.python !== undefined) {
    return {
      command: program.pythonPath ?? 'python3',
      // Unbuffered: what it prints is logged when it is printed.
      args: ['-u', ...args, PYTHON_HOST, resolve(program.python)],
      cwd,
      env,
    };
  }
  return { command: program.command, args, cwd, env };
}
