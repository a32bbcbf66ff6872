import { existsSync } from 'node:fs';
import {
  checkOptions,
  InvalidOptionsError,
  milliseconds,
  withoutUndefined,
} from '../validation/options.js';

/** Where the program of a bot is, and how many of it there may be. */
export type ProcessBotOptions = BotProgram & ProcessBotLimits;

/** One of three: any program, a Node module, or a Python bot. */
export type BotProgram = (
  | {
      /** A program that speaks the protocol of `BotMessage`. */
      command: string;
      /** Its arguments. What is secret is not one of them: everybody on the machine can read those. */
      args?: readonly string[];
      module?: never;
      python?: never;
    }
  | {
      /** A JavaScript module whose default export is a `BotLauncher` class, which gets nothing injected, or `async function bot(args, session)`. */
      module: string;
      /** Flags for Node, such as `['--max-old-space-size=512']`. */
      args?: readonly string[];
      command?: never;
      python?: never;
    }
  | {
      /** A Pipecat bot: a file with `async def bot(runner_args)`. */
      python: string;
      /** The interpreter, such as `./venv/bin/python`. @default 'python3' */
      pythonPath?: string;
      /** Flags for Python. */
      args?: readonly string[];
      command?: never;
      module?: never;
    }
) & {
  /** The working directory. @default the runner's own */
  cwd?: string;
  /** The whole environment. @default the runner's own */
  env?: Record<string, string | undefined>;
};

/** The limits of a bot's process. */
export interface ProcessBotLimits {
  /**
   * How many processes wait, loaded, for their conversation.
   * @default 0
   */
  warmProcesses?: number;
  /**
   * How much memory a process may have resident before it is killed, in bytes. Looked at twice a second, on Linux only.
   * @default Infinity
   */
  memoryLimitBytes?: number;
  /**
   * How long a process may take until it is loaded, in milliseconds.
   * @default 30_000
   */
  startTimeoutMs?: number;
  /**
   * How long a bot may take to end once asked, in milliseconds; then its process gets SIGTERM.
   * @default 3_000
   */
  stopGraceMs?: number;
  /**
   * How long a process may take to exit after SIGTERM, or after its conversation, in milliseconds; then it gets SIGKILL.
   * @default 1_000
   */
  killGraceMs?: number;
  /**
   * The lines of a process that are logged in a second, of what it prints and of its `log` messages together. The number of those left out is
   * logged once a second.
   * @default 500
   */
  outputLinesPerSecond?: number;
  /**
   * The bytes of a process' output that are read in a second, of which each line takes 128 beside its own. Past that its pipes are not read
   * until the second is over: a bot that prints on waits once they are full.
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
 * @throws {InvalidOptionsError} naming every option that cannot be used, and why
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
      args: (value) =>
        Array.isArray(value) && value.every((one) => typeof one === 'string')
          ? undefined
          : 'must be a list of strings',
      cwd: text,
      env: (value) =>
        typeof value === 'object' && value !== null && !Array.isArray(value)
          ? undefined
          : 'must be an object of environment variables',
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

/** From the runner's own working directory. */
const file = (value: unknown): string | undefined =>
  text(value) ??
  (existsSync(value as string) ? undefined : `must be a file; there is no ${String(value)}`);

const whole =
  (min: number) =>
  (value: unknown): string | undefined =>
    Number.isSafeInteger(value) && (value as number) >= min
      ? undefined
      : `must be a whole number of at least ${min}`;

/** `Infinity` is no limit. */
const wholeOrNone = (value: unknown): string | undefined =>
  value === Infinity ? undefined : whole(1)(value);
