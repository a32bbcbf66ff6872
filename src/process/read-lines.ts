import type { Readable } from 'node:stream';

/**
 * Reads a stream line by line, and never keeps more of one than `maxLength` characters: the rest of it is dropped, and `cut` says so.
 */
export function readLines(
  stream: Readable,
  maxLength: number,
  onLine: (line: string, cut: boolean) => void,
): void {
  let line = '';
  let cut = false;
  const add = (part: string): void => {
    cut ||= line.length + part.length > maxLength;
    line += part.slice(0, maxLength - line.length);
  };
  const end = (): void => {
    const [whole, wasCut] = [line, cut];
    [line, cut] = ['', false];
    onLine(whole, wasCut);
  };
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const [first, ...more] = text.split('\n');
    add(first!);
    for (const part of more) {
      end();
      add(part);
    }
  });
  stream.once('end', () => line !== '' && end());
}
