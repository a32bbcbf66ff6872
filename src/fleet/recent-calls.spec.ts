import { describe, expect, it, jest } from '@jest/globals';
import { RecentCalls } from './recent-calls.js';

describe('RecentCalls', () => {
  it('answers a call once, and one that could not be answered again', async () => {
    const calls = new RecentCalls<number>();
    let answers = 0;
    const answer = async () => ++answers;
    expect([await calls.once('a', answer), await calls.once('a', answer)]).toEqual([1, 1]);
    await expect(calls.once('b', () => Promise.reject(new Error('busy')))).rejects.toThrow('busy');
    expect(await calls.once('b', answer)).toBe(2);
  });

  it('forgets the oldest of ten thousand', async () => {
    const calls = new RecentCalls<string>();
    const answer = (id: string, text: string) => calls.once(id, async () => text);
    for (let i = 0; i < 10_001; i++) await answer(`${i}`, 'first');
    expect(await answer('1', 'again')).toBe('first');
    expect(await answer('0', 'again')).toBe('again');
  });

  it('remembers a call for ten minutes', async () => {
    jest.useFakeTimers();
    try {
      const calls = new RecentCalls<string>();
      const answer = (text: string) => calls.once('a', async () => text);
      await answer('first');
      jest.advanceTimersByTime(599_999);
      expect(await answer('again')).toBe('first');
      jest.advanceTimersByTime(1);
      expect(await answer('again')).toBe('again');
    } finally {
      jest.useRealTimers();
    }
  });

  it('forgets a call after ten minutes, whatever the clock is set to', async () => {
    jest.useFakeTimers();
    const calls = new RecentCalls<string>();
    const answer = (text: string) => calls.once('a', async () => text);
    await answer('first');
    jest.setSystemTime(Date.now() + 3_600_000);
    expect(await answer('second')).toBe('first');
    jest.setSystemTime(Date.now() - 7_200_000);
    jest.advanceTimersByTime(600_001);
    expect(await answer('third')).toBe('third');
    jest.useRealTimers();
  });
});
