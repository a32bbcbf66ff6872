import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LogBudget } from './log-budget.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function setUp() {
  const lines: unknown[] = [];
  const budget = new LogBudget({ warn: (line) => lines.push(line) });
  const warn = (count: number, kind: string) => {
    for (let i = 0; i < count; i++) budget.warn(`${kind} ${i}`, kind);
  };
  return { lines, budget, warn };
}

describe('LogBudget', () => {
  it('logs 10 lines of each kind in a minute, and then the number of the others', () => {
    const { lines, warn } = setUp();
    warn(300, 'refused');
    warn(2, 'broken');
    expect(lines).toHaveLength(12);
    expect(lines.slice(8)).toEqual([
      'refused 8',
      'refused 9 (more within a minute are only counted)',
      'broken 0',
      'broken 1',
    ]);
    jest.advanceTimersByTime(59_999);
    warn(1, 'refused');
    expect(lines).toHaveLength(12);
    jest.advanceTimersByTime(1);
    warn(1, 'refused');
    expect(lines.slice(12)).toEqual(['291 more: refused', 'refused 0']);
  });

  it('starts anew after a minute, with no number where nothing was left out', () => {
    const { lines, warn } = setUp();
    warn(10, 'refused');
    jest.advanceTimersByTime(60_000);
    warn(11, 'refused');
    expect(lines).toHaveLength(20);
    expect(lines[10]).toBe('refused 0');
  });

  it('takes the lines of several logs for one kind together', () => {
    const { lines, budget } = setUp();
    const others: unknown[] = [];
    const session = { warn: (line: unknown) => void others.push(line) };
    for (let i = 0; i < 20; i++) budget.warn(`line ${i}`, 'refused', session);
    jest.advanceTimersByTime(60_000);
    budget.warn('line 20', 'refused', session);
    expect([others.length, lines]).toEqual([11, ['10 more: refused']]);
  });
});
