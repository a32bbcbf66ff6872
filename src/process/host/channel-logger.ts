import { inspect } from 'node:util';
import type { LoggerService, LogLevel } from '@nestjs/common';
import { textOfThrown } from '../../errors/thrown.js';
import { MAX_LOG_TEXT } from '../bot-messages.js';
import type { Channel } from './channel.js';

/** Nest's logger in the process of a bot: what is logged there comes out of the runner's. */
export class ChannelLogger implements LoggerService {
  constructor(private readonly channel: Channel) {}

  log = this.at('log');
  error = this.at('error');
  warn = this.at('warn');
  debug = this.at('debug');
  verbose = this.at('verbose');
  fatal = this.at('fatal');

  /** As Nest calls it: what there is to be said, and last the context of the logger it is said by. The runner adds that of the session. */
  private at(level: LogLevel) {
    return (...what: unknown[]): void => {
      const context = what.length > 1 && typeof what.at(-1) === 'string' ? what.pop() : undefined;
      const text = what
        .filter((one) => one !== undefined)
        .map((one) => (typeof one === 'string' ? one : shown(one)))
        .join('\n');
      const prefix =
        context === undefined || /^Session /.test(context as string)
          ? ''
          : `[${context as string}] `;
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
