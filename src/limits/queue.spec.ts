import { describe, expect, it } from '@jest/globals';
import { busyMs } from '../../test/support/busy-ms.js';
import { Queue } from './queue.js';

describe('Queue', () => {
  it('returns items in FIFO order for any sequence of push and shift', () => {
    const queue = new Queue<number>();
    const taken: (number | undefined)[] = [];
    let pushed = 0;
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < (round * 7) % 13; i++) queue.push(pushed++);
      for (let i = 0; i < (round * 5) % 11; i++) {
        expect(queue.peek()).toBe(taken.length < pushed ? taken.length : undefined);
        if (queue.length > 0) taken.push(queue.shift());
      }
      expect(queue.length).toBe(pushed - taken.length);
    }
    taken.push(...queue.drain());
    expect(taken).toEqual(Array.from({ length: pushed }, (_, i) => i));
    expect([queue.length, queue.shift(), queue.peek()]).toEqual([0, undefined, undefined]);
  });

  it('keeps nothing that was taken, and no more slots than twice its items', () => {
    const queue = new Queue<object>();
    const taken: unknown[] = [];
    for (let i = 0; i < 100; i++) queue.push({ i });
    for (let i = 0; i < 75; i++) taken.push(queue.shift());
    const kept = Reflect.get(queue, 'items') as unknown[];
    expect(kept.filter((item) => taken.includes(item))).toEqual([]);
    expect(kept.length).toBeLessThanOrEqual(50);
    for (let i = 0; i < 10; i++) taken.push(queue.shift());
    expect((Reflect.get(queue, 'items') as unknown[]).filter(Boolean)).toHaveLength(15);
  });

  it('takes constant time per item in a long queue', () => {
    const queue = new Queue<number>();
    for (let i = 0; i < 300_000; i++) queue.push(i);
    // As full as a buffer that drops its oldest.
    const turnOver = (): void => {
      for (let i = 0; i < 300_000; i++) {
        queue.push(i);
        queue.shift();
      }
    };
    expect(busyMs(turnOver)).toBeLessThan(500);
    expect(queue.length).toBe(300_000);
  });
});
