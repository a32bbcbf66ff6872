import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Allowance } from './allowance.js';

/** The lines that are read in one turn of the event loop, before others have theirs. */
const LINES_A_TURN = 100;

/** A line of a stream. */
export interface Line {
  readonly text: string;
  /** True for one that was longer: the rest of it was dropped. */
  readonly isCut: boolean;
}

/** The speed at which a stream is read. */
export interface Pace {
  /** Bytes a second. While they are spent the stream is not read, so that its writer has to wait. */
  readonly bytes: Allowance;
  /** Bytes that a line counts beside its own: many short ones are more work than a long one. */
  readonly bytesALine: number;
}

/** Reads a stream line by line until it ends or breaks, and keeps no more of a line than `maxLength` characters. */
export async function* readLines(
  stream: Readable,
  maxLength: number,
  pace?: Pace,
): AsyncGenerator<Line> {
  let text = '';
  let isCut = false;
  let count = 0;
  stream.setEncoding('utf8');
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      for (let start = 0; start < chunk.length;) {
        const newline = chunk.indexOf('\n', start);
        const part = chunk.slice(start, newline < 0 ? undefined : newline);
        isCut ||= text.length + part.length > maxLength;
        text += part.slice(0, maxLength - text.length);
        pace?.bytes.use(Buffer.byteLength(part) + (newline < 0 ? 0 : pace.bytesALine));
        start += part.length + 1;
        if (newline >= 0) {
          yield { text, isCut };
          [text, isCut] = ['', false];
          if (++count % LINES_A_TURN === 0) await nextTurn();
        }
        if (pace?.bytes.isSpent) await pace.bytes.available();
      }
    }
  } catch {
    // It broke, and with it its last line.
    return;
  }
  if (text !== '') yield { text, isCut };
}
