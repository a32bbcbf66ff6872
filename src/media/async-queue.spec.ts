import { describe, expect, it } from '@jest/globals';
import { AsyncQueue } from './async-queue.js';

const ofThree = (onEnd?: (left: string[]) => void) => new AsyncQueue<string>(3, () => 1, onEnd);

const allOf = <T>(inbox: AsyncQueue<T>): T[] => {
  const all: T[] = [];
  for (let next = inbox.take(); next; next = inbox.take()) all.push(next.value);
  return all;
};

describe('AsyncQueue', () => {
  it('delivers values to readers that ask before or after them', async () => {
    const inbox = ofThree();
    const early = inbox.next();
    inbox.push('a');
    inbox.push('b');
    expect(await early).toEqual({ done: false, value: 'a' });
    expect(await inbox.next()).toEqual({ done: false, value: 'b' });
  });

  it('drops the oldest values over the limit and returns their number', async () => {
    const inbox = ofThree();
    expect(['a', 'b', 'c', 'd', 'e'].map((value) => inbox.push(value))).toEqual([0, 0, 0, 1, 1]);
    expect(allOf(inbox)).toEqual(['c', 'd', 'e']);
    expect(['f', 'g', 'h'].map((value) => inbox.push(value))).toEqual([0, 0, 0]);
  });

  it('keeps a single value that is larger than the limit', () => {
    const inbox = new AsyncQueue<string>(3, (text) => text.length);
    expect(inbox.push('abcdef')).toBe(0);
    expect(inbox.push('g')).toBe(1);
    expect(allOf(inbox)).toEqual(['g']);
  });

  it('drops the oldest of many values in constant time', () => {
    const inbox = new AsyncQueue<number>(200_000, () => 1);
    for (let i = 0; i < 200_000; i++) inbox.push(i);
    const startedMs = performance.now();
    let dropped = 0;
    for (let i = 0; i < 200_000; i++) dropped += inbox.push(i);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect(dropped).toBe(200_000);
  });

  it('ends after the buffered values are read, and for waiting readers', async () => {
    let ends = 0;
    const inbox = ofThree(() => ends++);
    inbox.push('a');
    inbox.end();
    inbox.end();
    expect(inbox.push('b')).toBe(0);
    const read: string[] = [];
    for await (const value of inbox) read.push(value);
    expect(read).toEqual(['a']);
    const waiting = ofThree();
    const next = waiting.next();
    waiting.end();
    expect((await next).done).toBe(true);
    expect(ends).toBe(1);
  });

  it('ends when its reader stops and hands back the unread values', async () => {
    const left: string[][] = [];
    const inbox = ofThree((values) => left.push(values));
    inbox.push('a');
    inbox.push('b');
    inbox.push('c');
    for await (const value of inbox) if (value === 'a') break;
    await inbox.return();
    expect(left).toEqual([['b', 'c']]);
    expect((await inbox.next()).done).toBe(true);
  });
});
