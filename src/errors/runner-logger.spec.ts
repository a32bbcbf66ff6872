import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { THROWABLES } from '../../test/faults/throwables.js';
import { RunnerLogger } from './runner-logger.js';

const LEVELS = ['log', 'error', 'warn', 'debug', 'verbose', 'fatal'] as const;

afterEach(() => {
  jest.restoreAllMocks();
});

describe('RunnerLogger', () => {
  it.each(LEVELS)('passes messages and contexts on at level %s', (level) => {
    const write = jest.spyOn(Logger.prototype, level).mockReturnValue();
    new RunnerLogger('Session 1')[level]('hello', 'at home');
    expect(write.mock.calls).toEqual([['hello', 'at home']]);
  });

  it.each(LEVELS)('does not throw when the host’s logger throws at level %s', (level) => {
    const fail = (): never => {
      throw new Error('the disk is full');
    };
    jest.spyOn(Logger.prototype, level).mockImplementation(fail);
    const error = jest.spyOn(Logger.prototype, 'error').mockImplementation(fail);
    expect(() => new RunnerLogger('Session 1')[level]('hello')).not.toThrow();
    expect(error).toHaveBeenLastCalledWith(
      'a line of the log could not be written: Error: the disk is full',
    );
  });

  it.each(Object.keys(THROWABLES))('accepts %s as a message', (name) => {
    jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    const logger = new RunnerLogger('Session 1');
    for (const level of LEVELS) {
      expect(() => logger[level](THROWABLES[name]!())).not.toThrow();
    }
  });
});
