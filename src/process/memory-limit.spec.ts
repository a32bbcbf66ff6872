import { describe, expect, it, jest } from '@jest/globals';
import { watchMemory } from './memory-limit.js';

describe('the memory of a process', () => {
  it('is over its limit once, and then no longer looked at', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      const over = new Promise<void>((resolve) => watchMemory(process.pid, 1, resolve));
      jest.advanceTimersByTime(500);
      await over;
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});
