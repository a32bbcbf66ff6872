import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RunnerServing } from '../http/runner-serving.js';
import { resolveRunnerOptions, type RunnerOptions } from '../runner.options.js';
import { LoadMonitor } from './runner-readiness.js';
import { LocalSessionRegistry } from './local-session-registry.js';

let warn: jest.SpiedFunction<Logger['warn']>;
beforeEach(() => {
  jest.useFakeTimers();
  Logger.overrideLogger(false);
  warn = jest.spyOn(Logger.prototype, 'warn');
});
afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

async function monitor(loadFunction: RunnerOptions['loadFunction']) {
  const options = resolveRunnerOptions({ loadFunction, loadThreshold: 0.5, loadIntervalMs: 100 });
  const registry = new LocalSessionRegistry(options, undefined as never);
  const serving = new RunnerServing(new HttpAdapterHost());
  const load = new LoadMonitor(options, registry, serving);
  load.onModuleInit();
  serving.begin();
  await jest.advanceTimersByTimeAsync(0);
  return { registry, load };
}

describe('LoadMonitor', () => {
  it('asks at once and again, and follows the answer', async () => {
    const loads = [0.5, 0.9, 0.49, 0.1, 1];
    const { registry, load } = await monitor(() => loads.shift()!);
    const seen = [registry.isOverloaded];
    for (let i = 0; i < 4; i++) {
      await jest.advanceTimersByTimeAsync(100);
      seen.push(registry.isOverloaded);
    }
    expect(seen).toEqual([true, true, false, false, true]);
    load.onModuleDestroy();
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each<[string, () => number | Promise<number>]>([
    [
      'throws',
      () => {
        throw new Error('no /proc');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no /proc'))],
    ['is no number', () => NaN],
    ['is nothing', () => undefined as never],
  ])('keeps to what it knew when the answer %s, and says so once', async (_, fail) => {
    let next: () => number | Promise<number> = () => 1;
    const { registry, load } = await monitor(() => next());
    next = fail;
    await jest.advanceTimersByTimeAsync(300);
    expect(registry.isOverloaded).toBe(true);
    expect(
      warn.mock.calls.filter(([text]) => /loadFunction failed/.test(text as string)),
    ).toHaveLength(1);
    next = () => 0;
    await jest.advanceTimersByTimeAsync(100);
    expect(registry.isOverloaded).toBe(false);
    load.onModuleDestroy();
  });

  it('never asks twice at once, and not any more once it is over', async () => {
    const answers: ((load: number) => void)[] = [];
    const { registry, load } = await monitor(() => new Promise((resolve) => answers.push(resolve)));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(answers).toHaveLength(1);
    load.onModuleDestroy();
    answers[0]!(1);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(answers).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
    expect(registry.isOverloaded).toBe(true);
  });
});
