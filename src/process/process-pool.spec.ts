import { once, EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { logTo, type RunnerLog } from '../errors/runner-logger.js';
import { type ProcessBotLimits, resolveProcessBotOptions } from './process-bot.options.js';
import type { BotProcess } from './bot-process.js';
import { ProcessPool } from './process-pool.js';

const LOADED = `const control = new (require('net').Socket)({ fd: 3 });
  control.write('{"type":"loaded"}\\n');`;
const STAYS = 'setInterval(() => {}, 1_000);';

const events = new EventEmitter();
let pool: ProcessPool;
let starts: number;
let program: string;

beforeEach(() => {
  starts = 0;
  logTo(
    () =>
      ({
        error: (text: string) => events.emit('error line', text),
        warn: (text: string) => events.emit('warn line', text),
        log: () => undefined,
      }) as unknown as RunnerLog,
  );
});
afterEach(async () => {
  jest.useRealTimers();
  await pool.close();
});

/** A pool whose processes are counted, and run what `program` is when they start. */
function poolOf(warmProcesses: number, limits: ProcessBotLimits = {}): ProcessPool {
  const options = resolveProcessBotOptions({ command: process.execPath, warmProcesses, ...limits });
  const counted = {
    ...options,
    get args() {
      starts++;
      return ['-e', program];
    },
  };
  return (pool = new ProcessPool(counted, [], (loaded) => events.emit('loaded', loaded)));
}

describe('the pool of bot processes', () => {
  it('gives a loaded one before an older one that is not', async () => {
    program = STAYS;
    poolOf(2).fill();
    program = LOADED + STAYS;
    const loading = once(events, 'loaded') as Promise<[BotProcess]>;
    const slow = pool.take();
    // In the place of the one that was taken; the other one is older, and does not load.
    const [loaded] = await loading;
    const next = pool.take();
    expect(next).toBe(loaded);
    const taken = [slow, next];
    for (const process of taken) process.kill('SIGKILL');
    await Promise.all(taken.map(({ exited }) => exited));
  });

  it('replaces a warm process that has grown, and leaves one with its conversation alone', async () => {
    const grow = `let kept = []; setTimeout(() => kept.push(Buffer.alloc(200e6, 1)), 700);`;
    program = LOADED + STAYS + grow;
    poolOf(1, { warmMemoryLimitBytes: 150e6 }).fill();
    const [busy] = (await once(events, 'loaded')) as [BotProcess];
    expect(pool.take()).toBe(busy);
    const [warm] = (await once(events, 'loaded')) as [BotProcess];
    program = LOADED + STAYS;
    const [next] = (await once(events, 'loaded')) as [BotProcess];
    await warm.exited;
    expect([starts, pool.take()]).toEqual([3, next]);
    let isGone = false;
    void busy.exited.then(() => (isGone = true));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(isGone).toBe(false);
    for (const process of [busy, next]) process.kill('SIGKILL');
    await Promise.all([busy.exited, next.exited]);
  });

  it('keeps a warm process that needs more from the beginning, and says so', async () => {
    program = `const kept = Buffer.alloc(200e6, 1);${LOADED + STAYS}`;
    const warned = once(events, 'warn line');
    poolOf(1, { warmMemoryLimitBytes: 150e6 }).fill();
    expect((await warned)[0]).toMatch(/warmMemoryLimitBytes/);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(starts).toBe(1);
  });

  it('starts none once it is closed', async () => {
    program = STAYS;
    poolOf(2).fill();
    expect(starts).toBe(2);
    await pool.close();
    pool.fill();
    expect(starts).toBe(2);
  });

  it.each([
    ['again, a moment later, after one that was loaded', LOADED, 2],
    ['on demand after one that could not be loaded', '', 1],
  ])('starts one %s', async (_, exits, expected) => {
    jest.useFakeTimers({
      doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'],
    });
    program = `${exits} setImmediate(() => process.exit(0));`;
    const line = once(events, 'error line');
    poolOf(1).fill();
    expect((await line)[0]).toMatch(/A process that waited for its conversation exited/);
    program = STAYS;
    expect(starts).toBe(1);
    jest.advanceTimersByTime(1_000);
    expect(starts).toBe(expected);
  });
});
