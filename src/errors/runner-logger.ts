import { Logger } from '@nestjs/common';
import { attempt } from './attempt.js';
import { textOfThrown } from './thrown.js';

/** Nest's logger that never throws, neither for unprintable values nor for errors of the host's own logger. */
export class RunnerLogger extends Logger {
  override log(message: unknown, ...rest: unknown[]): void {
    this.attempt(() => super.log(message, ...rest));
  }
  override error(message: unknown, ...rest: unknown[]): void {
    this.attempt(() => super.error(message, ...rest));
  }
  override warn(message: unknown, ...rest: unknown[]): void {
    this.attempt(() => super.warn(message, ...rest));
  }
  override debug(message: unknown, ...rest: unknown[]): void {
    this.attempt(() => super.debug(message, ...rest));
  }
  override verbose(message: unknown, ...rest: unknown[]): void {
    this.attempt(() => super.verbose(message, ...rest));
  }
  override fatal(message: unknown, ...rest: unknown[]): void {
    this.attempt(() => super.fatal(message, ...rest));
  }

  private attempt(write: () => void): void {
    attempt(write, (thrown) =>
      super.error(`a line of the log could not be written: ${textOfThrown(thrown).text}`),
    );
  }
}
