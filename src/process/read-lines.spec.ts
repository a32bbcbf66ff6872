import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { describe, expect, it } from '@jest/globals';
import { readLines } from './read-lines.js';

async function linesOf(chunks: (string | Buffer)[], maxLength: number) {
  const stream = new PassThrough();
  const lines: [string, boolean][] = [];
  readLines(stream, maxLength, (line, cut) => lines.push([line, cut]));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await finished(stream);
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
});
