import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { THROWABLES } from '../../test/faults/throwables.js';
import { isEndAtWork, SessionEnd } from '../bot/session-end.js';
import { closeFor } from '../websocket/close-codes.js';
import { toErrorAnswer } from '../http/error-answer.js';
import { ProviderError } from '../http/provider-error.js';
import { RunnerError } from './runner.error.js';
import { causedBy, fieldOf, isInstance, textOfThrown } from './thrown.js';

const MAX_LENGTH = 8_192;

describe.each(Object.entries(THROWABLES))('thrown, %s', (_, make) => {
  it('is described in texts of limited length', () => {
    const { text, message, stack = '' } = textOfThrown(make());
    for (const one of [text, message, stack]) {
      expect(typeof one).toBe('string');
      expect(one.length).toBeLessThanOrEqual(MAX_LENGTH);
    }
    expect(text).not.toBe('');
  });

  it('can be asked for its class and its fields', () => {
    expect(typeof isInstance(make(), Error)).toBe('boolean');
    expect(() => fieldOf(make(), 'message')).not.toThrow();
    expect(isEndAtWork(make(), new SessionEnd('stopped', ''))).toBe(false);
  });

  it('is the cause of errors that can be printed', () => {
    for (const error of [
      new SessionEnd('failed', 'The bot failed.', { cause: make() }),
      new RunnerError('BOT_FAILED', 'The bot failed.', { cause: make() }),
    ]) {
      expect(inspect(error)).toContain('The bot failed.');
      const { cause } = error;
      expect(`${cause as string}`).toEqual(expect.any(String));
      expect(inspect(cause)).toEqual(expect.any(String));
      if (isInstance(cause, Error)) {
        const { name, message, stack } = cause;
        expect([name, message, stack]).toEqual([name, message, stack].map(String));
      }
    }
  });

  it('is answered over HTTP, and closes a WebSocket', () => {
    const { status, headers, body } = toErrorAnswer(make());
    expect(status).toBeGreaterThanOrEqual(400);
    expect(Object.values(headers)).toEqual(Object.values(headers).map(String));
    expect(JSON.parse(JSON.stringify(body))).toMatchObject({ statusCode: status });
    expect(closeFor(make()).code).toBe(1011);
  });
});

describe('the text of what was thrown', () => {
  class OwnError extends TypeError {
    override name = 'OwnError';
  }

  it.each<[unknown, string, string]>([
    [new OwnError('boom'), 'OwnError: boom', 'boom'],
    ['boom', 'boom', 'boom'],
    [undefined, 'undefined', 'undefined'],
    [{ message: 'not an error' }, '[object Object]', '[object Object]'],
  ])('of %p is the one it has', (thrown, text, message) => {
    expect(textOfThrown(thrown)).toMatchObject({ text, message });
  });

  it('of an error of another realm is the one it has', () => {
    const error: unknown = runInNewContext('new TypeError("boom")');
    expect(textOfThrown(error)).toMatchObject({ text: 'TypeError: boom', message: 'boom' });
  });

  it('comes with the stack of an error, and with no other', () => {
    const error = new OwnError('boom');
    expect(textOfThrown(error).stack).toBe(error.stack);
    expect(textOfThrown({ stack: 'at home' }).stack).toBeUndefined();
  });
});

describe('the cause of an error', () => {
  it.each([[new TypeError('boom')], ['text'], [{ some: 'object' }], [undefined], [null]])(
    'is what was thrown, where that can be printed: %p',
    (cause) => expect(causedBy({ cause })).toEqual({ cause }),
  );

  it('is the very error that was thrown, where that can be printed', () => {
    const cause = new TypeError('boom', { cause: new Error('deeper') });
    expect(new SessionEnd('failed', '', { cause }).cause).toBe(cause);
  });

  it('keeps the stack of an error that cannot be printed', () => {
    const thrown = Object.assign(new TypeError('boom'), { name: Symbol('name') });
    const { cause } = new SessionEnd('failed', '', { cause: thrown });
    expect(cause).not.toBe(thrown);
    expect((cause as Error).stack).toContain('thrown.spec');
  });

  it('is not there where none was given', () => {
    expect(new SessionEnd('completed', '')).not.toHaveProperty('cause');
    expect(new ProviderError('PROVIDER_REFUSED', '')).not.toHaveProperty('cause');
  });
});
