import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { attempt } from './attempt.js';

const boom = new Error('boom');

describe('attempt()', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw boom;
      },
    ],
    ['rejects', () => Promise.reject(boom)],
    [
      'is no promise, but rejects',
      () => ({ then: (_: unknown, no: (e: Error) => void) => no(boom) }),
    ],
    [
      'has a then that throws',
      () =>
        Object.defineProperty({}, 'then', {
          get: () => {
            throw boom;
          },
        }),
    ],
  ])('reports the error once of a function that %s', async (_, call) => {
    const failures: unknown[] = [];
    attempt(call, (thrown) => failures.push(thrown));
    await setImmediate();
    expect(failures).toEqual([boom]);
  });

  it.each<[string, () => unknown]>([
    ['a value', () => 42],
    ['nothing', () => undefined],
    ['a promise', () => Promise.resolve(42)],
    ['an object', () => ({ then: 42 })],
  ])('reports no error for %s', async (_, call) => {
    const failures: unknown[] = [];
    attempt(call, (thrown) => failures.push(thrown));
    await setImmediate();
    expect(failures).toEqual([]);
  });

  it('does not throw when the error handler throws', async () => {
    let told = 0;
    const fail = (): never => {
      told++;
      throw new Error('a broken log');
    };
    attempt(() => {
      throw boom;
    }, fail);
    // A rejection that nobody took would fail this test.
    attempt(() => Promise.reject(boom), fail);
    await setImmediate();
    expect(told).toBe(2);
  });
});
