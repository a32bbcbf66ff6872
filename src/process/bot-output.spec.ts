import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { BotOutput } from './bot-output.js';

const LIMITS = { outputLinesPerSecond: 500, outputBytesPerSecond: 1_000_000 };

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
    const output = new BotOutput(LIMITS, () => logger);
    const stream = new PassThrough();
    stream.end('one\ntwo\n');
    await output.read(stream, 'log');
    expect(logger.tried).toEqual(['one', 'two']);
  });

  it('reports the lines left out of a second before it logs those of the next, also where its timer is late', () => {
    jest.useFakeTimers({ doNotFake: ['setTimeout', 'clearTimeout'] });
    try {
      const said: unknown[] = [];
      const logger = { log: said.push.bind(said), warn: said.push.bind(said) };
      const output = new BotOutput(
        { ...LIMITS, outputLinesPerSecond: 2 },
        () => logger as unknown as Logger,
      );
      for (const text of ['1', '2', '3', '4']) output.log('log', text);
      jest.advanceTimersByTime(1_000);
      for (const text of ['5', '6', '7']) output.log('log', text);
      output.end();
      const report = (count: number) => expect.stringContaining(`left out: ${count} `);
      expect(said).toEqual(['1', '2', report(2), '5', '6', report(1)]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('counts each line of a text, and reports those left out of every second', () => {
    jest.useFakeTimers();
    try {
      const [log, warn] = [jest.fn(), jest.fn()];
      const logger = { log, warn } as unknown as Logger;
      const output = new BotOutput({ ...LIMITS, outputLinesPerSecond: 3 }, () => logger);
      for (let second = 1; second <= 3; second++) {
        output.log('log', '1\n2\n3');
        output.log('log', '4\n5');
        expect(log).toHaveBeenCalledTimes(second);
        jest.advanceTimersByTime(1_000);
        expect(warn).toHaveBeenCalledTimes(second);
        expect(warn).toHaveBeenLastCalledWith(expect.stringContaining('left out: 2 '));
      }
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('has lines of up to 8,192 characters, and says which are cut', async () => {
    const logger = { log: jest.fn() };
    const output = new BotOutput(LIMITS, () => logger as unknown as Logger);
    await output.read(Readable.from([`${'a'.repeat(8_192)}\n${'b'.repeat(9_000)}\n`]), 'log');
    expect(logger.log.mock.calls).toEqual([['a'.repeat(8_192)], [`${'b'.repeat(8_192)}…`]]);
  });

  it.each([
    ['WARNING', 'warn'],
    ['NOTICE', 'log'],
    ...Object.getOwnPropertyNames(Object.prototype).map((name) => [name, 'log'] as const),
  ])('in the words of Loguru at the level %s is logged at %s', async (level, loggedAt) => {
    const line = `2026-01-31 12:00:00.000 | ${level} | bot:main:1 - hello`;
    const logger = { log: jest.fn(), warn: jest.fn() };
    const output = new BotOutput(LIMITS, () => logger as unknown as Logger);
    await output.read(Readable.from([`${line}\n`]), 'log');
    expect(logger[loggedAt as 'log' | 'warn']).toHaveBeenCalledWith(line);
  });
});
