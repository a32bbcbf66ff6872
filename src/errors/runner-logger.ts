import type { LogLevel } from '@nestjs/common';
import { attempt } from './attempt.js';
import { textOfThrown } from './thrown.js';

/** A log with the levels of Nest's. */
export type RunnerLog = Readonly<Record<LogLevel, (message: unknown, ...rest: unknown[]) => void>>;

/** Makes the log that lines of a context are written to: Nest's in the runner, the runner's in the process of a bot, otherwise the console. */
let logOf = (context: string): RunnerLog => {
  const write = (level: 'error' | 'warn' | 'log' | 'debug') => (message: unknown) =>
    console[level](`[${context}]`, message);
  const [error, warn, log, debug] = (['error', 'warn', 'log', 'debug'] as const).map(write);
  return { fatal: error!, error: error!, warn: warn!, log: log!, debug: debug!, verbose: debug! };
};

/** Has all lines from now on written to the logs that `of` makes. */
export const logTo = (of: (context: string) => RunnerLog): void => void (logOf = of);

/** Logs a thrown value as an error with its stack, behind an introduction such as `the bot threw:`. */
export function logThrown(log: RunnerLog, introduction: string, thrown: unknown): void {
  const { text, stack } = textOfThrown(thrown);
  log.error(`${introduction} ${text}`, stack);
}

/**
 * A log without what it throws: for what it cannot print, and because a host's own logger may stand behind it. No conversation ends
 * because of a line of the log. Nothing of Nest is behind it but what {@link logTo} was given.
 */
export class RunnerLogger implements RunnerLog {
  constructor(private readonly context: string) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write('log', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('verbose', message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  private write(level: keyof RunnerLog, message: unknown, rest: unknown[]): void {
    const log = logOf(this.context);
    attempt(
      () => log[level](message, ...rest),
      (thrown) => log.error(`a line of the log could not be written: ${textOfThrown(thrown).text}`),
    );
  }
}
