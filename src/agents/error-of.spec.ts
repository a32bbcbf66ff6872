import { describe, expect, it } from '@jest/globals';
import { THROWABLES } from '../../test/faults/throwables.js';
import { errorOf } from './error-of.js';

describe('the error of an engine', () => {
  it.each([
    ['itself', new TypeError('boom')],
    ['of an event', { type: 'error', error: new Error('boom') }],
    ['of a service', { type: 'error', error: { error: { code: 'x', message: 'boom' } } }],
    ['without a class', { message: 'boom' }],
  ])('%s is an error with its message', (_, thrown) => {
    expect(errorOf(thrown)).toBeInstanceOf(Error);
    expect(errorOf(thrown).message).toBe('boom');
  });

  it('is the same error where it is one', () => {
    const error = new TypeError('boom');
    expect(errorOf({ error })).toBe(error);
  });

  it('is found in an event that holds itself', () => {
    const event: Record<string, unknown> = { message: 'boom' };
    event.error = event;
    expect(errorOf(event).message).toBe('boom');
  });

  it.each(Object.entries(THROWABLES))('is made of anything: %s', (_, make) => {
    expect(errorOf(make())).toBeInstanceOf(Error);
  });
});
