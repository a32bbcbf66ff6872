import { resolve } from 'node:path';
import { packageFile } from '../packages/package-file.js';
import type { BotProgram } from './process-bot.options.js';

const NODE_HOST = 'dist/process/host/bot-host.js';
const PYTHON_HOST = 'python/bot_host.py';

/** The command that is executed. */
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
      args: [...args, packageFile(NODE_HOST), resolve(program.module)],
      cwd,
      env,
    };
  }
  if (program.python !== undefined) {
    return {
      command: program.pythonPath ?? 'python3',
      // Unbuffered: what it prints is logged when it is printed.
      args: ['-u', ...args, packageFile(PYTHON_HOST), resolve(program.python)],
      cwd,
      env,
    };
  }
  return { command: program.command, args, cwd, env };
}
