import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { Allowance } from './allowance.js';
import { readLines } from './read-lines.js';

async function linesOf(chunks: (string | Buffer)[], maxLength: number) {
  // One chunk at a time, which would otherwise be read as one.
  const stream = Readable.from(chunks, { objectMode: false, highWaterMark: 1 });
  const lines: [string, boolean][] = [];
  for await (const { text, isCut } of readLines(stream, maxLength)) lines.push([text, isCut]);
  return lines;
}

describe('readLines', () => {
  it.each<[string, (string | Buffer)[], [string, boolean][]]>([
    ['lines in pieces', ['a', 'b\nc', '\n\nd'], [['ab', false], ['c', false], ['', false], ['d', false]]], // prettier-ignore
    ['many lines at once', ['a\nb\nc\n'], [['a', false], ['b', false], ['c', false]]], // prettier-ignore
    ['nothing', [], []],
    ['as much as there may be', ['12345\n'], [['12345', false]]],
    ['more than there may be', ['1234', '5678', '9\nx\n'], [['12345', true], ['x', false]]], // prettier-ignore
    ['a last line that is too long', ['123456'], [['12345', true]]],
    ['characters in two pieces', [Buffer.from([0xc3]), Buffer.from([0xa9, 0x0a])], [['é', false]]],
  ])('%s', async (_, chunks, lines) => {
    expect(await linesOf(chunks, 5)).toEqual(lines);
  });

  it('leaves a stream alone that has used up its bytes, and the lines count', async () => {
    const stream = new PassThrough({ highWaterMark: 100 });
    const bytes = new Allowance(100);
    const lines = readLines(stream, 50, { bytes, bytesALine: 40 });
    const write = (): boolean => stream.write('0123456789\n');
    write();
    write();
    expect((await lines.next()).value).toMatchObject({ text: '0123456789' });
    expect((await lines.next()).value).toMatchObject({ text: '0123456789' });
    let isRead = false;
    const third = lines.next().then((line) => {
      isRead = true;
      return line;
    });
    // As much as waits here and there.
    while (write());
    await new Promise(setImmediate);
    expect(isRead).toBe(false);
    expect(stream.writableNeedDrain).toBe(true);
    bytes.lift();
    expect((await third).value).toMatchObject({ text: '0123456789' });
  });

  it('leaves others their turns between many lines', async () => {
    const stream = new PassThrough();
    stream.end('\n'.repeat(1_000));
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    for await (const line of readLines(stream, 5)) expect(line.text).toBe('');
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  it('ends with a stream that breaks, without its last line', async () => {
    const stream = new PassThrough();
    stream.write('one\ntw');
    const lines: string[] = [];
    for await (const { text } of readLines(stream, 5)) {
      lines.push(text);
      stream.destroy(new Error('broken'));
    }
    expect(lines).toEqual(['one']);
  });
});
