import { describe, expect, it } from '@jest/globals';
import { ReorderBuffer } from './reorder-buffer.js';

/** The frames that each number makes due. */
const dueAfter = (...numbers: number[]): number[][] => {
  const buffer = new ReorderBuffer<number>();
  return numbers.map((number) => buffer.add(number, number));
};

describe('ReorderBuffer', () => {
  it('passes frames in order at once', () => {
    expect(dueAfter(7, 8, 9)).toEqual([[7], [8], [9]]);
  });

  it('puts swapped frames in order', () => {
    expect(dueAfter(1, 3, 2, 4, 7, 6, 5, 8)).toEqual([
      [1],
      [],
      [2, 3],
      [4],
      [],
      [],
      [5, 6, 7],
      [8],
    ]);
  });

  it('does not stall at a gap: three frames wait, the fourth goes on without the lost one', () => {
    expect(dueAfter(1, 3, 4, 5, 6, 7)).toEqual([[1], [], [], [], [3, 4, 5, 6], [7]]);
  });

  it('drops late and duplicate frames', () => {
    expect(dueAfter(1, 2, 2, 1, 3)).toEqual([[1], [2], [], [], [3]]);
    expect(dueAfter(1, 3, 3, 2)).toEqual([[1], [], [], [2, 3]]);
  });

  it('goes on at the first of several gaps', () => {
    expect(dueAfter(1, 9, 7, 5, 3, 4)).toEqual([[1], [], [], [], [3], [4, 5]]);
  });

  it('follows a count that starts again', () => {
    expect(dueAfter(500, 502, 1, 2)).toEqual([[500], [], [1], [2]]);
  });

  it('passes frames without a number', () => {
    expect(dueAfter(1, NaN, 0.5, 2)).toEqual([[1], [NaN], [0.5], [2]]);
  });

  it('stops to wait where the numbers are not consecutive, until one is late', () => {
    const odd = Array.from({ length: 100 }, (_, index) => 2 * index + 1);
    const due = dueAfter(...odd, 198, 203, 202);
    expect(due.slice(20, 100)).toEqual(odd.slice(20).map((number) => [number]));
    expect(due.slice(100)).toEqual([[], [], []]);
  });

  it('goes on to wait where some gaps are filled and others are not', () => {
    const without = (lost: number): number[] => [1, 2, 3, 4].map((step) => lost + step);
    const four = (first: number): number[] => [0, 5, 10, 15].flatMap((i) => without(first + i));
    const due = dueAfter(1, ...four(2), 23, 22, ...four(24), 45, 44);
    expect(due.slice(-2)).toEqual([[], [44, 45]]);
  });

  it('holds at most three frames', () => {
    const buffer = new ReorderBuffer<number>();
    let held = 0;
    let most = 0;
    for (let step = 0; step < 10_000; step++) {
      const number = Math.floor((step * 7_919) % 10_007);
      held += 1 - buffer.add(number, number).length;
      most = Math.max(most, buffer.size);
    }
    expect(held).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(3);
  });
});
