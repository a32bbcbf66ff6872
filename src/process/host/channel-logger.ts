import { inspect } from 'node:util';
import type { LogLevel } from '@nestjs/common';
import type { RunnerLog } from '../../errors/runner-logger.js';
import { textOfThrown } from '../../errors/thrown.js';
import { MAX_LOG_TEXT } from '../bot-messages.js';
import type { Channel } from './channel.js';

/** Logger in a bot process, also for Nest. Its lines are sent to the runner's log. */
export class ChannelLogger implements RunnerLog {
  /** @param context context of all lines; by default the last argument, as in Nest */
  constructor(
    private readonly channel: Channel,
    private readonly context?: string,
  ) {}

  log = this.at('log');
  error = this.at('error');
  warn = this.at('warn');
  debug = this.at('debug');
  verbose = this.at('verbose');
  fatal = this.at('fatal');

  private at(level: LogLevel) {
    return (...what: unknown[]): void => {
      const context =
        this.context ??
        (what.length > 1 && typeof what.at(-1) === 'string' ? (what.pop() as string) : '');
      const text = what
        .filter((one) => one !== undefined)
        .map((one) => (typeof one === 'string' ? one : shown(one)))
        .join('\n');
      // The runner adds the context of the session.
      const prefix = context === '' || context.startsWith('Session ') ? '' : `[${context}] `;
      const message = (prefix + text).slice(0, MAX_LOG_TEXT);
      void this.channel.send({ type: 'log', level, message });
    };
  }
}

function shown(value: unknown): string {
  try {
    return inspect(value);
  } catch {
    return textOfThrown(value).text;
  }
}
