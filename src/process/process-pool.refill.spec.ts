import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { BotProcess } from './bot-process.js';
import { resolveProcessBotOptions } from './process-bot.options.js';
import { ProcessPool } from './process-pool.js';

/** A bot that is loaded at once, and waits. */
const PROGRAM = `const control = new (require('net').Socket)({ fd: 3 });
  control.write('{"type":"loaded"}\\n'); control.resume();`;

let pool: ProcessPool;
let started: BotProcess[];
let taken: BotProcess[];

function create(warmProcesses: number): void {
  started = [];
  taken = [];
  const options = { command: process.execPath, args: ['-e', PROGRAM], warmProcesses };
  pool = new ProcessPool(resolveProcessBotOptions(options), [], (one) => void started.push(one));
  pool.fill();
}

function take(): BotProcess {
  const process = pool.take();
  taken.push(process);
  return process;
}

async function loaded(count: number): Promise<void> {
  while (started.length < count) await new Promise((resolve) => setImmediate(resolve));
}

describe('the pool of warm processes', () => {
  afterEach(async () => {
    jest.useRealTimers();
    await pool.close();
    for (const process of taken) process.kill('SIGKILL');
    await Promise.all(taken.map(({ exited }) => exited));
  });

  it('loads the successor of a process only when its conversation has begun', async () => {
    create(1);
    await loaded(1);
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const fill = jest.spyOn(pool, 'fill');
    expect(take()).toBe(started[0]);
    jest.advanceTimersByTime(249);
    expect(fill).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(fill).toHaveBeenCalledTimes(1);
    await loaded(2);
  });

  it('starts a process at once for each conversation of a burst, and refills once', async () => {
    create(2);
    await loaded(2);
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const burst = [take(), take(), take(), take()];
    expect(new Set(burst).size).toBe(4);
    expect(burst.slice(0, 2).every((one) => started.includes(one))).toBe(true);
    await loaded(4);
    expect(started.slice(2).every((one) => burst.includes(one))).toBe(true);
    const fill = jest.spyOn(pool, 'fill');
    jest.advanceTimersByTime(1_000);
    expect(fill).toHaveBeenCalledTimes(1);
    await loaded(6);
  });

  it('does not refill once it is closed', async () => {
    create(1);
    await loaded(1);
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    take();
    await pool.close();
    jest.advanceTimersByTime(1_000);
    expect(jest.getTimerCount()).toBe(0);
    expect(started).toHaveLength(1);
  });
});
