import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { Logger } from '@nestjs/common';
import { describe, expect, it, jest } from '@jest/globals';
import { logOutput } from './bot-output.js';

describe('what a bot prints', () => {
  it.each([
    ['WARNING', 'warn'],
    ['NOTICE', 'log'],
    ...Object.getOwnPropertyNames(Object.prototype).map((name) => [name, 'log'] as const),
  ])('in the words of Loguru at the level %s is logged at %s', async (level, loggedAt) => {
    const line = `2026-01-31 12:00:00.000 | ${level} | bot:main:1 - hello`;
    const logger = { log: jest.fn(), warn: jest.fn() };
    const stream = Readable.from([`${line}\n`]);
    logOutput(stream, 'log', () => logger as unknown as Logger);
    await once(stream, 'end');
    expect(logger[loggedAt as 'log' | 'warn']).toHaveBeenCalledWith(line);
  });
});
