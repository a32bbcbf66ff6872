import type { Readable } from 'node:stream';
import type { LogLevel } from '@nestjs/common';
import type { RunnerLog } from '../errors/runner-logger.js';
import { Allowance } from './allowance.js';
import { printableLines } from './printable-lines.js';
import type { ProcessBotLimits } from './process-bot.options.js';
import { type Pace, readLines } from './read-lines.js';

/** The most characters of a line that are logged. */
const MAX_LINE = 8_192;
/** The bytes of the allowance that a line takes beside its own. */
const BYTES_A_LINE = 128;

/** The level as Loguru, which Pipecat logs with, writes it: `2026-01-31 12:00:00.000 | WARNING  | module:function:1 - …`. */
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

/** The log of one bot: what it prints and what it has logged, as much of it as there is room for in a second. */
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

  /** Logs what a bot prints, line by line, until it ends. @param otherwise the level of what names none itself */
  async read(stream: Readable, otherwise: 'log' | 'warn'): Promise<void> {
    for await (const { text, isCut } of readLines(stream, MAX_LINE, this.pace)) {
      const line = printableLines(text) + (isCut ? '…' : '');
      if (line.trim() === '') continue;
      this.log(LEVEL_OF.get(LOGURU.exec(line)?.[1]) ?? otherwise, line);
    }
  }

  /** Logs a text, unless too many lines were logged in this second. */
  log(level: LogLevel, text: string): void {
    // The timer may be late, and then lines of the next second would come before the report of this one.
    if (this.leftOut > 0 && this.lines.msLeft === 0) this.reportLeftOut();
    const lines = text.split('\n').length;
    if (this.lines.use(lines)) return this.write(level, text);
    this.leftOut += lines;
    this.timer ??= setTimeout(() => this.reportLeftOut(), Math.ceil(this.lines.msLeft));
  }

  /** The process is gone: what it has left is not much, and is read at once. */
  readRest(): void {
    this.pace.bytes.lift();
  }

  /** Everything was read. */
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
      // The host's own logger fails, and there is nobody else to report it to.
    }
  }
}
