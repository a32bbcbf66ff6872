import { describe, expect, it } from '@jest/globals';
import { AsyncQueue } from './async-queue.js';

const ofThree = (onEnd?: (left: string[]) => void) => new AsyncQueue<string>(3, () => 1, onEnd);

const allOf = <T>(queue: AsyncQueue<T>): T[] => {
  const all: T[] = [];
  for (let next = queue.take(); next; next = queue.take()) all.push(next.value);
  return all;
};

describe('AsyncQueue', () => {
  it('delivers values to readers that ask before or after them', async () => {
    const queue = ofThree();
    const early = queue.next();
    queue.push('a');
    queue.push('b');
    expect(await early).toEqual({ done: false, value: 'a' });
    expect(await queue.next()).toEqual({ done: false, value: 'b' });
  });

  it('drops the oldest values over the limit and returns their number', async () => {
    const queue = ofThree();
    expect(['a', 'b', 'c', 'd', 'e'].map((value) => queue.push(value))).toEqual([0, 0, 0, 1, 1]);
    expect(allOf(queue)).toEqual(['c', 'd', 'e']);
    expect(['f', 'g', 'h'].map((value) => queue.push(value))).toEqual([0, 0, 0]);
  });

  it('keeps a single value that is larger than the limit', () => {
    const queue = new AsyncQueue<string>(3, (text) => text.length);
    expect(queue.push('abcdef')).toBe(0);
    expect(queue.push('g')).toBe(1);
    expect(allOf(queue)).toEqual(['g']);
  });

  it('drops the oldest of many values in constant time', () => {
    const queue = new AsyncQueue<number>(200_000, () => 1);
    for (let i = 0; i < 200_000; i++) queue.push(i);
    const startedMs = performance.now();
    let dropped = 0;
    for (let i = 0; i < 200_000; i++) dropped += queue.push(i);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect(dropped).toBe(200_000);
  });

  it('ends after the buffered values are read, and for waiting readers', async () => {
    let ends = 0;
    const queue = ofThree(() => ends++);
    queue.push('a');
    queue.end();
    queue.end();
    expect(queue.push('b')).toBe(0);
    const read: string[] = [];
    for await (const value of queue) read.push(value);
    expect(read).toEqual(['a']);
    const waiting = ofThree();
    const next = waiting.next();
    waiting.end();
    expect((await next).done).toBe(true);
    expect(ends).toBe(1);
  });

  it('ends when its reader stops and hands back the unread values', async () => {
    const left: string[][] = [];
    const queue = ofThree((values) => left.push(values));
    queue.push('a');
    queue.push('b');
    queue.push('c');
    for await (const value of queue) if (value === 'a') break;
    await queue.return();
    expect(left).toEqual([['b', 'c']]);
    expect((await queue.next()).done).toBe(true);
  });
});
