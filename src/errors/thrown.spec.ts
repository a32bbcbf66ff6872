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

describe.each(Object.entries(THROWABLES))('thrown value %s', (_, make) => {
  it('is described in texts of limited length', () => {
    const { text, message, stack = '' } = textOfThrown(make());
    for (const one of [text, message, stack]) {
      expect(typeof one).toBe('string');
      expect(one.length).toBeLessThanOrEqual(MAX_LENGTH);
    }
    expect(text).not.toBe('');
  });

  it('can be tested for its class and its fields without throwing', () => {
    expect(typeof isInstance(make(), Error)).toBe('boolean');
    expect(() => fieldOf(make(), 'message')).not.toThrow();
    expect(isEndAtWork(make(), new SessionEnd('stopped', ''))).toBe(false);
  });

  it('becomes the printable cause of an error', () => {
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

  it('is answered over HTTP and closes a WebSocket', () => {
    const { status, headers, body } = toErrorAnswer(make());
    expect(status).toBeGreaterThanOrEqual(400);
    expect(Object.values(headers)).toEqual(Object.values(headers).map(String));
    expect(JSON.parse(JSON.stringify(body))).toMatchObject({ statusCode: status });
    expect(closeFor(make()).code).toBe(1011);
  });
});

describe('textOfThrown()', () => {
  class OwnError extends TypeError {
    override name = 'OwnError';
  }

  it.each<[unknown, string, string]>([
    [new OwnError('boom'), 'OwnError: boom', 'boom'],
    ['boom', 'boom', 'boom'],
    [undefined, 'undefined', 'undefined'],
    [{ message: 'not an error' }, '[object Object]', '[object Object]'],
  ])('returns the text of %p', (thrown, text, message) => {
    expect(textOfThrown(thrown)).toMatchObject({ text, message });
  });

  it('returns the text of an error of another realm', () => {
    const error: unknown = runInNewContext('new TypeError("boom")');
    expect(textOfThrown(error)).toMatchObject({ text: 'TypeError: boom', message: 'boom' });
  });

  it('returns the stack of errors only', () => {
    const error = new OwnError('boom');
    expect(textOfThrown(error).stack).toBe(error.stack);
    expect(textOfThrown({ stack: 'at home' }).stack).toBeUndefined();
  });
});

describe('causedBy()', () => {
  it.each([[new TypeError('boom')], ['text'], [{ some: 'object' }], [undefined], [null]])(
    'keeps a printable value as the cause: %p',
    (cause) => expect(causedBy({ cause })).toEqual({ cause }),
  );

  it('keeps a printable error as the cause itself', () => {
    const cause = new TypeError('boom', { cause: new Error('deeper') });
    expect(new SessionEnd('failed', '', { cause }).cause).toBe(cause);
  });

  it('keeps the stack of an error that cannot be printed', () => {
    const thrown = Object.assign(new TypeError('boom'), { name: Symbol('name') });
    const { cause } = new SessionEnd('failed', '', { cause: thrown });
    expect(cause).not.toBe(thrown);
    expect((cause as Error).stack).toContain('thrown.spec');
  });

  it('adds no cause when none was given', () => {
    expect(new SessionEnd('completed', '')).not.toHaveProperty('cause');
    expect(new ProviderError('PROVIDER_REFUSED', '')).not.toHaveProperty('cause');
  });
});
