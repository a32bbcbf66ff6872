import { ConsoleLogger, type LogLevel } from '@nestjs/common';

/** Contexts of Nest's start-up log, which has a line for each module and route. */
const STARTUP_CONTEXTS = new Set([
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

/** Nest's console logger, without its start-up lines unless `-v` is given. */
export class StandaloneLogger extends ConsoleLogger {
  /** @param verbosity the number of `-v` flags */
  constructor(private readonly verbosity: number) {
    super({ logLevels: LEVELS[Math.min(verbosity, LEVELS.length - 1)] });
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (this.verbosity === 0 && STARTUP_CONTEXTS.has(rest.at(-1) as string)) return;
    super.log(message, ...rest);
  }
}
