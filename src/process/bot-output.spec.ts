import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { BotOutput } from './bot-output.js';

class FullLogger extends Logger {
  readonly tried: string[] = [];
  override log(message: unknown): void {
    this.tried.push(String(message));
    throw new Error('ENOSPC: no space left on device');
  }
}

describe('the output of a bot', () => {
  it('is read on when the logger of the host throws', async () => {
    const logger = new FullLogger();
    const output = new BotOutput(
      { outputLinesPerSecond: 500, outputBytesPerSecond: 1_000_000 },
      () => logger,
    );
    const stream = new PassThrough();
    stream.end('one\ntwo\n');
    await output.read(stream, 'log');
    expect(logger.tried).toEqual(['one', 'two']);
  });
});
