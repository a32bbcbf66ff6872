import { existsSync } from 'node:fs';
import { isObject } from '../validation/is-object.js';
import {
  checkOptions,
  InvalidOptionsError,
  milliseconds,
  withoutUndefined,
} from '../validation/options.js';

/** Program of a bot, and the limits of its processes. */
export type ProcessBotOptions = BotProgram & ProcessBotLimits;

/** Program of a bot: one of any command, a Node module, or a Python bot. */
export type BotProgram = (
  | {
      /** Program that implements the protocol of `BotMessage`. */
      command: string;
      /** Arguments of the program. Not for secrets, since all users of the machine can read them. */
      args?: readonly string[];
      botArgs?: never;
      module?: never;
      python?: never;
    }
  | {
      /** JavaScript module whose default export is a `BotLauncher` class, without dependency injection, or `async function bot(args, session)`. */
      module: string;
      /** Flags for Node, such as `['--max-old-space-size=512']`. */
      args?: readonly string[];
      /** The bot's own flags, at the end of `process.argv`. */
      botArgs?: readonly string[];
      command?: never;
      python?: never;
    }
  | {
      /** Pipecat bot: a Python file with `async def bot(runner_args)`. */
      python: string;
      /** Python interpreter, such as `./venv/bin/python`. @default 'python3' */
      pythonPath?: string;
      /** Flags for Python. */
      args?: readonly string[];
      /** The bot's own flags, such as `['--language', 'de']`, for the parser that it gives to `main(parser)`: they are in `runner_args.cli_args`. */
      botArgs?: readonly string[];
      command?: never;
      module?: never;
    }
) & {
  /** Working directory. @default the runner's own */
  cwd?: string;
  /** Complete environment. @default the runner's own */
  env?: Record<string, string | undefined>;
};

/** Limits of a bot's process. */
export interface ProcessBotLimits {
  /**
   * Number of processes that are kept loaded for the next conversation.
   * @default 0
   */
  warmProcesses?: number;
  /**
   * Largest resident memory of a process, in bytes, beyond which it is killed. Checked twice a second, on Linux only.
   * @default Infinity
   */
  memoryLimitBytes?: number;
  /**
   * Timeout for a process to load, in milliseconds.
   * @default 30_000
   */
  startTimeoutMs?: number;
  /**
   * Grace period for a bot to end once stopped, in milliseconds. Then its process gets SIGTERM.
   * @default 3_000
   */
  stopGraceMs?: number;
  /**
   * Grace period for a process to exit after SIGTERM, or after its conversation, in milliseconds. Then it gets SIGKILL.
   * @default 1_000
   */
  killGraceMs?: number;
  /**
   * Rate limit of logged lines per process and second: output and `log` messages together. The number of dropped lines is logged once a second.
   * @default 500
   */
  outputLinesPerSecond?: number;
  /**
   * Rate limit of a process' output, in bytes a second. Each line counts 128 bytes beside its own. Beyond it the pipes are not read until the
   * second is over, which blocks the bot's output once they are full (backpressure).
   * @default 1_048_576
   */
  outputBytesPerSecond?: number;
}

const DEFAULTS = {
  warmProcesses: 0,
  memoryLimitBytes: Infinity,
  startTimeoutMs: 30_000,
  stopGraceMs: 3_000,
  killGraceMs: 1_000,
  outputLinesPerSecond: 500,
  outputBytesPerSecond: 1_048_576,
} as const satisfies Required<ProcessBotLimits>;

export type ResolvedProcessBotOptions = BotProgram & Required<ProcessBotLimits>;

const PROGRAMS = ['command', 'module', 'python'] as const;

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError} naming every invalid option, and why
 */
export function resolveProcessBotOptions(options: ProcessBotOptions): ResolvedProcessBotOptions {
  if (PROGRAMS.filter((name) => options[name] !== undefined).length !== 1) {
    throw new InvalidOptionsError('ProcessBotLauncher', [
      `exactly one of ${PROGRAMS.join(', ')} must say what to run`,
    ]);
  }
  checkOptions<Record<string, unknown>>(
    'ProcessBotLauncher',
    { ...options },
    {
      command: text,
      module: file,
      python: file,
      pythonPath: text,
      args: strings,
      botArgs: (value) =>
        options.command === undefined ? strings(value) : 'must be among the args of a command',
      cwd: text,
      env: (value) => (isObject(value) ? undefined : 'must be an object of environment variables'),
      warmProcesses: whole(0),
      memoryLimitBytes: wholeOrNone,
      startTimeoutMs: milliseconds(1),
      stopGraceMs: milliseconds(0),
      killGraceMs: milliseconds(0),
      outputLinesPerSecond: wholeOrNone,
      outputBytesPerSecond: wholeOrNone,
    },
  );
  return { ...DEFAULTS, ...withoutUndefined(options) };
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? undefined : 'must be a string that is not empty';

const strings = (value: unknown): string | undefined =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')
    ? undefined
    : 'must be a list of strings';

/** Path of an existing file, relative to the runner's working directory. */
const file = (value: unknown): string | undefined =>
  text(value) ??
  (existsSync(value as string) ? undefined : `must be a file; there is no ${String(value)}`);

const whole =
  (min: number) =>
  (value: unknown): string | undefined =>
    Number.isSafeInteger(value) && (value as number) >= min
      ? undefined
      : `must be a whole number of at least ${min}`;

/** Whole number, or `Infinity` for no limit. */
const wholeOrNone = (value: unknown): string | undefined =>
  value === Infinity ? undefined : whole(1)(value);
