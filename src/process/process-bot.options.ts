import { existsSync } from 'node:fs';
import { IsArray, IsObject, IsString } from 'class-validator';
import { IsText, Milliseconds, ValidatedBy, WholeNumber } from '../validation/option.decorators.js';
import { InvalidOptionsError, resolveOptions } from '../validation/options.js';

const NOT_EMPTY = 'must be a string that is not empty';
const STRINGS = '$property must be a list of strings';

/** Path of an existing file, relative to the runner's working directory. */
const IsFile = (): PropertyDecorator =>
  ValidatedBy((value) => {
    if (typeof value !== 'string' || value === '') return NOT_EMPTY;
    return existsSync(value) ? undefined : `must be a file; there is no ${value}`;
  });

/** Limits of a bot's process. */
export class ProcessBotLimits {
  /**
   * Number of processes that are kept loaded for the next conversation.
   * @default 0
   */
  @WholeNumber(0)
  warmProcesses?: number = 0;
  /**
   * Largest resident memory of a process, in bytes, beyond which it is killed. Checked twice a second, on Linux only.
   * @default Infinity
   */
  @WholeNumber(1, { infinite: true })
  memoryLimitBytes?: number = Infinity;
  /**
   * Largest resident memory of a process that waits for its conversation, in bytes, beyond which another takes its place. Checked twice a second, on Linux only.
   * @default Infinity
   */
  @WholeNumber(1, { infinite: true })
  warmMemoryLimitBytes?: number = Infinity;
  /**
   * Timeout for a process to load, in milliseconds.
   * @default 30_000
   */
  @Milliseconds(1)
  startTimeoutMs?: number = 30_000;
  /**
   * Grace period for a bot to end once stopped, in milliseconds. Then its process gets SIGTERM.
   * @default 3_000
   */
  @Milliseconds(0)
  stopGraceMs?: number = 3_000;
  /**
   * Grace period for a process to exit after SIGTERM, or after its conversation, in milliseconds. Then it gets SIGKILL.
   * @default 1_000
   */
  @Milliseconds(0)
  killGraceMs?: number = 1_000;
  /**
   * Rate limit of logged lines per process and second: output and `log` messages together. The number of dropped lines is logged once a second.
   * @default 500
   */
  @WholeNumber(1, { infinite: true })
  outputLinesPerSecond?: number = 500;
  /**
   * Rate limit of a process' output, in bytes a second. Each line counts 128 bytes beside its own. Beyond it the pipes are not read until the
   * second is over, which blocks the bot's output once they are full (backpressure).
   * @default 1_048_576
   */
  @WholeNumber(1, { infinite: true })
  outputBytesPerSecond?: number = 1_048_576;
}

/** Program of a bot: exactly one of `command`, `module` and `python`. */
export class BotProgramOptions extends ProcessBotLimits {
  /** Program that implements the protocol of `BotMessage`. */
  @IsText(NOT_EMPTY)
  command?: string;
  /** JavaScript module whose default export is a `BotLauncher` class, without dependency injection, or `async function bot(args, session)`. */
  @IsFile()
  module?: string;
  /** Pipecat bot: a Python file with `async def bot(runner_args)`. */
  @IsFile()
  python?: string;
  /** Python interpreter, such as `./venv/bin/python`. @default 'python3' */
  @IsText(NOT_EMPTY)
  pythonPath?: string;
  /**
   * Arguments of the command, or flags of Node or Python, such as `['--max-old-space-size=512']`. Not for secrets, since all users of the
   * machine can read them.
   * @default []
   */
  @IsArray({ message: STRINGS })
  @IsString({ each: true, message: STRINGS })
  args?: readonly string[];
  /**
   * The bot's own flags, such as `['--language', 'de']`, after those of its host. A Pipecat bot has them in `runner_args.cli_args`, by the parser
   * that it gives to `main(parser)`.
   * @default []
   */
  @IsArray({ message: STRINGS })
  @IsString({ each: true, message: STRINGS })
  botArgs?: readonly string[];
  /** Working directory. @default the runner's own */
  @IsText(NOT_EMPTY)
  cwd?: string;
  /** Complete environment. @default the runner's own */
  @IsObject({ message: '$property must be an object of environment variables' })
  env?: Record<string, string | undefined>;
}

const PROGRAMS = ['command', 'module', 'python'] as const;
type ProgramName = (typeof PROGRAMS)[number];

/** The options of type `T`, with exactly one of a bot's programs. */
type OneProgram<T> = Omit<T, ProgramName> &
  {
    [Name in ProgramName]: { [One in Name]: string } & {
      [Other in Exclude<ProgramName, Name>]?: never;
    };
  }[ProgramName];

/** Program of a bot, and the limits of its processes. */
export type ProcessBotOptions = OneProgram<BotProgramOptions>;

/** Program of a bot: one of any command, a Node module, or a Python bot. */
export type BotProgram = OneProgram<Omit<BotProgramOptions, keyof ProcessBotLimits>>;

export type ResolvedProcessBotOptions = ProcessBotOptions & Required<ProcessBotLimits>;

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError} naming every invalid option, and why
 */
export function resolveProcessBotOptions(given: ProcessBotOptions): ResolvedProcessBotOptions {
  const options = resolveOptions<BotProgramOptions>(
    'ProcessBotLauncher',
    new BotProgramOptions(),
    given,
  );
  if (PROGRAMS.filter((name) => options[name] !== undefined).length !== 1) {
    throw new InvalidOptionsError('ProcessBotLauncher', [
      `exactly one of ${PROGRAMS.join(', ')} must say what to run`,
    ]);
  }
  return options as ResolvedProcessBotOptions;
}
