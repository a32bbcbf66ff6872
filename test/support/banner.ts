import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Reads what the standalone runner prints until it listens. @returns the text. Rejects with it when the runner ends before. */
export async function bannerOf({
  stdout,
  stderr,
}: {
  readonly stdout: Readable;
  readonly stderr: Readable;
}): Promise<string> {
  let banner = '';
  stderr.on('data', (text: Buffer) => (banner += text.toString()));
  for await (const line of createInterface(stdout)) {
    banner += `${line}\n`;
    if (!line.includes('Allowed origins')) continue;
    stdout.resume();
    return banner;
  }
  throw new Error(`the runner did not start: ${banner}`);
}
