import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { BufferedEmitter, estimateBytes } from './buffered-emitter.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Returns the memory of `count` parsed values, in bytes each. */
function memoryOf(textOf: (i: number) => string, count = 20_000): number {
  const kept: unknown[] = Array<unknown>(count).fill(undefined);
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < count; i++) kept[i] = JSON.parse(textOf(i));
  gc();
  return (process.memoryUsage().heapUsed - before) / kept.length;
}

const many = (member: (i: number) => string) =>
  Array.from({ length: 50 }, (_, i) => member(i)).join();

class Words extends BufferedEmitter<{ word: [string] }> {
  constructor() {
    super({ word: { limit: 10, sizeOf: () => 1 } });
  }

  read(): AsyncIterator<string> {
    return this.iterate('word', undefined);
  }

  protected fail(error: unknown): void {
    throw error;
  }

  protected dropped(): void {}
}

describe('BufferedEmitter', () => {
  it('keeps nothing of an iterator that ended', async () => {
    const words = new Words();
    const end = async (): Promise<WeakRef<object>> => {
      const iterator = words.read();
      await iterator.return!();
      return new WeakRef(iterator);
    };
    const ended = await end();
    // What was looked at in a turn of the event loop lives until it is over.
    await new Promise(setImmediate);
    gc();
    expect(ended.deref()).toBeUndefined();
    expect(words.listenerCount('word')).toBe(0);
  });
});

describe('estimateBytes()', () => {
  it.each<[string, (i: number) => string]>([
    ['empty objects', () => `[${many(() => '{}')}]`],
    ['empty lists', () => `[${many(() => '[]')}]`],
    ['fractions', () => `[${many((i) => `${i}.5`)}]`],
    ['short texts', (n) => `[${many((i) => `"${n}-${i}"`)}]`],
    ['nested lists', () => `${'['.repeat(100)}${']'.repeat(100)}`],
    ['nested objects', () => `${'{"a":'.repeat(100)}0${'}'.repeat(100)}`],
    ['many keys', () => `{${many((i) => `"k${i}":${i}`)}}`],
  ])('approximates the memory of %s', (_, textOf) => {
    const weight = estimateBytes(JSON.parse(textOf(0)), Infinity);
    const memory = memoryOf(textOf);
    expect(weight).toBeGreaterThan(memory * 0.7);
    expect(weight).toBeLessThan(memory * 10);
  });

  it.each<[string, () => unknown]>([
    [
      'an object',
      () => {
        const object: { self?: unknown } = {};
        return (object.self = object);
      },
    ],
    [
      'a wide list',
      () => {
        const list: unknown[] = [];
        return list.fill(list, 0, (list.length = 100_000));
      },
    ],
    ['a list of holes', () => new Array<unknown>(4_000_000_000)],
  ])('stops past the limit for %s that contains itself or nothing', (_, make) => {
    expect(estimateBytes(make(), 1_000_000)).toBeGreaterThan(1_000_000);
  });
});
