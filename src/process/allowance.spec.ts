import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Allowance } from './allowance.js';

describe('an Allowance', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('is for a second, which begins with its first use', () => {
    const allowance = new Allowance(2);
    expect(allowance.isSpent).toBe(false);
    expect([1, 1, 1].map((one) => allowance.use(one))).toEqual([true, true, false]);
    jest.advanceTimersByTime(999);
    expect(allowance.isSpent).toBe(true);
    expect(allowance.msLeft).toBe(1);
    jest.advanceTimersByTime(1);
    expect(allowance.isSpent).toBe(false);
    expect(allowance.use(5)).toBe(true);
    expect(allowance.isSpent).toBe(true);
  });

  it('can be lifted, and nobody waits for the next any more', async () => {
    jest.useRealTimers();
    const allowance = new Allowance(1);
    allowance.use(7);
    const available = allowance.available();
    allowance.lift();
    await available;
    expect(allowance.use(1e9)).toBe(true);
    expect(allowance.isSpent).toBe(false);
  });
});
