import type { Readable } from 'node:stream';
import type { LogLevel } from '@nestjs/common';
import type { RunnerLog } from '../errors/runner-logger.js';
import { Allowance } from './allowance.js';
import { printableLines } from './printable-lines.js';
import type { ProcessBotLimits } from './process-bot.options.js';
import { type Pace, readLines } from './read-lines.js';

/** Longest logged line, in characters. */
const MAX_LINE = 8_192;
/** Bytes that a line counts beside its own. */
const BYTES_A_LINE = 128;

/** Line prefix of Loguru, Pipecat's logger: `2026-01-31 12:00:00.000 | WARNING  | module:function:1 - …`. */
const LOGURU = /^[\d-]{10} [\d:.]+ \| (\w+) +\| /;

const LEVEL_OF: ReadonlyMap<string | undefined, LogLevel> = new Map([
  ['TRACE', 'verbose'],
  ['DEBUG', 'debug'],
  ['INFO', 'log'],
  ['SUCCESS', 'log'],
  ['WARNING', 'warn'],
  ['ERROR', 'error'],
  ['CRITICAL', 'fatal'],
]);

/** Rate-limited log of a bot: its output and its log messages. */
export class BotOutput {
  private readonly lines: Allowance;
  private readonly pace: Pace;
  private leftOut = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly limits: Required<
      Pick<ProcessBotLimits, 'outputLinesPerSecond' | 'outputBytesPerSecond'>
    >,
    private readonly logger: () => RunnerLog,
  ) {
    this.lines = new Allowance(limits.outputLinesPerSecond);
    this.pace = { bytes: new Allowance(limits.outputBytesPerSecond), bytesALine: BYTES_A_LINE };
  }

  /** Logs a bot's output line by line, until it ends. @param otherwise level of lines without a level of their own */
  async read(stream: Readable, otherwise: 'log' | 'warn'): Promise<void> {
    for await (const { text, isCut } of readLines(stream, MAX_LINE, this.pace)) {
      const line = printableLines(text) + (isCut ? '…' : '');
      if (line.trim() === '') continue;
      this.log(LEVEL_OF.get(LOGURU.exec(line)?.[1]) ?? otherwise, line);
    }
  }

  /** Logs a text within the rate limit. */
  log(level: LogLevel, text: string): void {
    // The timer may be late; the report precedes the lines of the next second.
    if (this.leftOut > 0 && this.lines.msLeft === 0) this.reportLeftOut();
    const lines = text.split('\n').length;
    if (this.lines.use(lines)) return this.write(level, text);
    this.leftOut += lines;
    this.timer ??= setTimeout(() => this.reportLeftOut(), Math.ceil(this.lines.msLeft));
  }

  /** Lifts the rate limit for the rest of the output, once the process has exited. */
  readRest(): void {
    this.pace.bytes.lift();
  }

  /** Ends the log, once all output was read. */
  end(): void {
    if (this.leftOut > 0) this.reportLeftOut();
  }

  private reportLeftOut(): void {
    const { leftOut, limits } = this;
    clearTimeout(this.timer);
    this.leftOut = 0;
    this.timer = undefined;
    const most = `at most ${limits.outputLinesPerSecond} in a second are logged`;
    this.write('warn', `lines of the bot left out: ${leftOut} (${most})`);
  }

  private write(level: LogLevel, text: string): void {
    try {
      this.logger()[level](text);
    } catch {
      // The host's logger failed, and there is no other.
    }
  }
}
