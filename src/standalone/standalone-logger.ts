import { ConsoleLogger, type LogLevel } from '@nestjs/common';

/** What Nest tells of its own start: a line for each module and route. */
const OF_THE_START = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);
const LEVELS: readonly LogLevel[][] = [
  ['fatal', 'error', 'warn', 'log'],
  ['fatal', 'error', 'warn', 'log', 'debug'],
  ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'],
];

/** Nest's own logger, quiet about how the application is put together unless more is wanted. */
export class StandaloneLogger extends ConsoleLogger {
  /** @param verbosity how often `-v` was given */
  constructor(private readonly verbosity: number) {
    super({ logLevels: LEVELS[Math.min(verbosity, LEVELS.length - 1)] });
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (this.verbosity === 0 && OF_THE_START.has(rest.at(-1) as string)) return;
    super.log(message, ...rest);
  }
}
