import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Allowance } from './allowance.js';

/** Lines read per turn of the event loop. */
const LINES_A_TURN = 100;

/** Line of a stream. */
export interface Line {
  readonly text: string;
  /** True for a truncated line. */
  readonly isCut: boolean;
}

/** Read rate of a stream. */
export interface Pace {
  /** Bytes a second. Beyond it the stream is not read, which applies backpressure to its writer. */
  readonly bytes: Allowance;
  /** Bytes that a line counts beside its own, since many short lines cost more than a long one. */
  readonly bytesALine: number;
}

/** Reads a stream line by line until it ends or breaks. Lines are truncated to `maxLength` characters. */
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
    // The stream broke; its incomplete last line is dropped.
    return;
  }
  if (text !== '') yield { text, isCut };
}
