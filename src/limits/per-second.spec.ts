import { afterEach, expect, it, jest } from '@jest/globals';
import { PerSecond } from './per-second.js';

afterEach(() => {
  jest.restoreAllMocks();
});

it('takes no more than the limit in a second, and as many again in the next', () => {
  const now = jest.spyOn(performance, 'now').mockReturnValue(5_000);
  const limit = new PerSecond(3);
  expect([limit.take(2), limit.take(2), limit.take(), limit.take()]).toEqual([true, false, true, false]); // prettier-ignore
  expect([limit.take(0), limit.take(Infinity)]).toEqual([true, false]);
  now.mockReturnValue(5_999);
  expect(limit.take()).toBe(false);
  now.mockReturnValue(6_000);
  expect([limit.take(3), limit.take()]).toEqual([true, false]);
});
