import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { estimateBytes } from './buffered-emitter.js';

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
    const weight = estimateBytes(JSON.parse(textOf(0)));
    const memory = memoryOf(textOf);
    expect(weight).toBeGreaterThan(memory * 0.7);
    expect(weight).toBeLessThan(memory * 10);
  });
});
