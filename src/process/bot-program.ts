import { resolve } from 'node:path';
import { packageFile } from '../packages.js';
import type { BotProgram } from './process-bot.options.js';

const NODE_HOST = 'dist/process/host/bot-host.js';
const PYTHON_HOST = 'python/bot_host.py';

/** Command of a bot's process. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: NodeJS.ProcessEnv | undefined;
}

/** Returns the command of a bot: its own program, or the package's host for its language. */
export function programOf({ args = [], botArgs = [], cwd, env, ...program }: BotProgram): Program {
  // Resolved against the runner's working directory, not the bot's.
  if (program.module !== undefined) {
    return {
      command: process.execPath,
      args: [...args, packageFile(NODE_HOST), resolve(program.module), ...botArgs],
      cwd,
      env,
    };
  }
  if (program.python !== undefined) {
    return {
      command: program.pythonPath ?? 'python3',
      // Unbuffered output, so that it is logged immediately.
      args: ['-u', ...args, packageFile(PYTHON_HOST), resolve(program.python), ...botArgs],
      cwd,
      env,
    };
  }
  return { command: program.command, args: [...args, ...botArgs], cwd, env };
}
