import type { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import type { Logger, LogLevel } from '@nestjs/common';
import { readLines } from './read-lines.js';

/** How much of a line is logged, in characters. */
const MAX_LINE = 8_192;

/** How Loguru, which Pipecat logs with, writes a level: `2026-01-31 12:00:00.000 | WARNING  | module:function:1 - …`. */
const LOGURU = /^[\d-]{10} [\d:.]+ \| (\w+) +\| /;

const LEVEL_OF: ReadonlyMap<string, LogLevel> = new Map([
  ['TRACE', 'verbose'],
  ['DEBUG', 'debug'],
  ['INFO', 'log'],
  ['SUCCESS', 'log'],
  ['WARNING', 'warn'],
  ['ERROR', 'error'],
  ['CRITICAL', 'fatal'],
]);

/** Logs what a bot prints, line by line. @param otherwise the level of what names none itself */
export function logOutput(stream: Readable, otherwise: 'log' | 'warn', logger: () => Logger): void {
  readLines(stream, MAX_LINE, (line, cut) => {
    const text = printable(line) + (cut ? '…' : '');
    if (text.trim() === '') return;
    logger()[LEVEL_OF.get(LOGURU.exec(text)?.[1] ?? '') ?? otherwise](text);
  });
}

// eslint-disable-next-line no-control-regex -- so that no bot can move the cursor in the runner's log
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;

const printable = (line: string): string => stripVTControlCharacters(line).replace(CONTROL, '');
