import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { attempt, guardEmitter, guardListeners, within } from './attempt.js';
import { EventEmitter, once } from 'node:events';

const boom = new Error('boom');

afterEach(() => void jest.useRealTimers());

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

function guarded() {
  const controller = new AbortController();
  const failures: string[] = [];
  guardListeners(controller.signal, (thrown) => failures.push(String(thrown)));
  return { controller, signal: controller.signal, failures };
}

describe('guardListeners() on an AbortSignal', () => {
  it('reports listeners that throw or reject, and still calls the others', async () => {
    const { controller, signal, failures } = guarded();
    const fail = (text: string) => (): never => {
      throw new Error(text);
    };
    const last = jest.fn();
    signal.addEventListener('abort', fail('a function'));
    signal.addEventListener('abort', { handleEvent: fail('an object') });
    const rejecting = (): unknown => Promise.reject(new Error('a promise'));
    signal.addEventListener('abort', rejecting);
    signal.onabort = fail('a property');
    signal.addEventListener('abort', last);
    controller.abort();
    await setImmediate();
    expect(failures.sort()).toEqual(
      ['a function', 'a promise', 'a property', 'an object'].map((text) => `Error: ${text}`),
    );
    expect(last).toHaveBeenCalledTimes(1);
  });

  it('calls a listener once with the event and the signal, until it is removed', () => {
    const { controller, signal } = guarded();
    const calls: unknown[] = [];
    const listener = function (this: unknown, event: Event): void {
      calls.push([this, event.type]);
    };
    const removed = jest.fn();
    signal.addEventListener('abort', listener);
    signal.addEventListener('abort', listener, { once: true });
    signal.addEventListener('abort', removed);
    signal.removeEventListener('abort', removed);
    signal.onabort = removed;
    signal.onabort = null;
    controller.abort();
    expect(calls).toEqual([[signal, 'abort']]);
    expect(removed).not.toHaveBeenCalled();
  });

  it('keeps the signal usable by fetch and other APIs', async () => {
    const { controller, signal, failures } = guarded();
    const reason = new Error('enough');
    const outcomes = Promise.allSettled([
      sleep(60_000, undefined, { signal }),
      fetch('http://127.0.0.1:9', { signal }),
      once(AbortSignal.any([signal]), 'abort'),
      once(signal, 'abort'),
    ]);
    controller.abort(reason);
    expect((await outcomes).map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(signal.reason).toBe(reason);
    expect(failures).toEqual([]);
    expect(new Request('http://127.0.0.1', { signal }).signal.aborted).toBe(true);
  });
});

describe('guardEmitter()', () => {
  class Recorder extends EventEmitter {
    readonly recorded: unknown[] = [];

    override emit(event: string, ...args: unknown[]): boolean {
      this.recorded.push(args);
      return super.emit(event, ...args);
    }
  }

  it('reports listeners that throw or reject, also those added before', async () => {
    const emitter = new Recorder();
    const failures: unknown[] = [];
    const heard = jest.fn();
    const rejecting = (): unknown => Promise.reject(boom);
    emitter.on('a', rejecting);
    emitter.once('a', heard);
    guardEmitter(emitter, (thrown) => {
      failures.push(thrown);
      throw new Error('a broken log');
    });
    emitter.on('b', () => {
      throw boom;
    });
    expect([emitter.emit('a', 1), emitter.emit('b', 2), emitter.emit('c', 3)]).toEqual([
      true,
      true,
      false,
    ]);
    // A rejection that nobody took would fail this test.
    await setImmediate();
    expect(failures).toEqual([boom, boom]);
    expect(heard.mock.calls).toEqual([[1]]);
    expect(emitter.recorded).toEqual([[1], [2], [3]]);
    expect(emitter.listenerCount('a')).toBe(1);
  });
});

describe('within()', () => {
  const tooLong = (): Error => new Error('too long');

  it('gives the outcome of work that is in time, and leaves no timer', async () => {
    jest.useFakeTimers();
    await expect(within(1_000, Promise.resolve(42), tooLong)).resolves.toBe(42);
    await expect(within(1_000, Promise.reject(boom), tooLong)).rejects.toBe(boom);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('fails once the time is over', async () => {
    jest.useFakeTimers();
    const outcome = within(1_000, new Promise(() => undefined), tooLong);
    jest.advanceTimersByTime(1_000);
    await expect(outcome).rejects.toThrow('too long');
  });
});
