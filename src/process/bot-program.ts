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

/** Returns the Python interpreter of a bot, with its flags. */
export const pythonOf = ({ args = [], cwd, env, ...program }: BotProgram): Program => ({
  command: ('pythonPath' in program ? program.pythonPath : undefined) ?? 'python3',
  args,
  cwd,
  env,
});

/**
 * Returns the command of a bot: its own program, or the package's host for its language.
 * @param modules Python modules to load beside the bot's
 */
export function programOf(options: BotProgram, modules: Iterable<string> = []): Program {
  const { args = [], botArgs = [], cwd, env, ...program } = options;
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
    const python = pythonOf(options);
    return {
      ...python,
      // Unbuffered output, so that it is logged immediately.
      args: [
        ...['-u', ...python.args, packageFile(PYTHON_HOST), resolve(program.python)],
        ...[[...modules].join(','), ...botArgs],
      ],
    };
  }
  return { command: program.command, args: [...args, ...botArgs], cwd, env };
}
