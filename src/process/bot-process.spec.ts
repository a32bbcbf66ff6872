import type { ChildProcess } from 'node:child_process';
import { EventEmitter, on, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RunnerLog } from '../errors/runner-logger.js';
import type { BotMessage } from './bot-messages.js';
import { BotProcess } from './bot-process.js';
import { type ProcessBotLimits, resolveProcessBotOptions } from './process-bot.options.js';

let bot: BotProcess;
afterEach(async () => {
  bot.kill('SIGKILL');
  await bot.exited;
});

/** Starts a process that reads its messages, and is ready after its start and 530 of them each, or never reads. @param bodyBytes size of its start */
async function start(reads: boolean, bodyBytes: number): Promise<AsyncIterator<unknown[]>> {
  const program =
    `const control = new (require('net').Socket)({ fd: 3 });` +
    `control.write('{"type":"loaded"}\\n');` +
    (reads
      ? `let n = -1; control.on('data', (data) => {
          for (const byte of data) if (byte === 10 && ++n % 530 === 0) control.write('{"type":"ready"}\\n');
        });`
      : 'setInterval(() => {}, 1_000);');
  const options = { command: process.execPath, args: ['-e', program] };
  bot = new BotProcess(resolveProcessBotOptions(options));
  await bot.loaded;
  const messages = new EventEmitter();
  bot.onMessage = (message) => void messages.emit('message', message);
  const received = on(messages, 'message');
  bot.send({
    type: 'start',
    session: { id: 'unread', transport: 'webrtc', claims: {} },
    args: { body: 'x'.repeat(bodyBytes) },
    handshake: [],
    canHangUp: false,
  });
  return received;
}

describe('a bot process that exits and leaves a process behind with all its descriptors', () => {
  it('has exited, and keeps no descriptor open in the runner', async () => {
    const args = ['-c', 'setsid sleep 5 & exit 3'];
    bot = new BotProcess(resolveProcessBotOptions({ command: '/bin/sh', args }));
    bot.loaded.catch(() => undefined);
    expect(await bot.exited).toMatch(/exited with code 3/);
    // A turn of the event loop later all streams are closed.
    await new Promise((resolve) => setImmediate(resolve));
    const { stdio } = (bot as unknown as { child: ChildProcess }).child;
    expect(stdio.slice(1).map((stream) => stream?.destroyed)).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
  });
});

const offer = (length: number): void =>
  bot.send({ type: 'offer', id: 0, sdp: 'x'.repeat(length), restart: false });

const UNREAD = 'did not read what it was sent: 1000 messages or 4194304 bytes of them wait';

describe('a bot process that does not read its messages', () => {
  it.each([
    ['a thousand', 1_001, 1],
    ['four megabytes', 60, 100_000],
  ])('is ended when %s wait for it', async (_, count, length) => {
    // More than the system buffers.
    await start(false, 1_000_000);
    for (let i = 0; i < count; i++) offer(length);
    expect(await bot.exited).toBe(UNREAD);
  });

  it('may have any start, and as many messages as it reads', async () => {
    const whole = await start(true, 5_000_000);
    for (let round = 0; round < 5; round++) {
      await whole.next();
      for (let i = 0; i < 30; i++) offer(100_000);
      for (let i = 0; i < 500; i++) offer(1);
    }
    expect((await whole.next()).value).toEqual([{ type: 'ready' }]);
  });
});

/** Starts a process of this source, where `say(message, …)` writes to the runner. */
function run(source: string, limits: ProcessBotLimits = {}) {
  const say = `const control = new (require('net').Socket)({ fd: 3 });
    const say = (...all) => control.write(all.map((one) => JSON.stringify(one) + '\\n').join(''));`;
  const program = { command: process.execPath, args: ['-e', `${say}${source}`] };
  bot = new BotProcess(resolveProcessBotOptions({ ...limits, ...program }));
  return bot;
}

const START = {
  type: 'start',
  session: { id: 'x', transport: 'webrtc', claims: {} },
  args: {},
  handshake: [],
  canHangUp: false,
} as const;
const STAYS = `say({ type: 'loaded' }); setInterval(() => {}, 1_000);`;

describe('the timers of a bot process', () => {
  beforeEach(() => {
    jest.useFakeTimers({
      doNotFake: ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask', 'performance'],
    });
  });
  afterEach(() => void jest.useRealTimers());

  it('leave one alone that was loaded in time', async () => {
    await run(STAYS).loaded;
    expect(jest.getTimerCount()).toBe(0);
  });

  it('kill one that is not', async () => {
    run('setInterval(() => {}, 1_000)', { startTimeoutMs: 30_000 });
    jest.advanceTimersByTime(30_000);
    await expect(bot.loaded).rejects.toThrow('was not loaded within 30000 ms');
  });

  it('are one, however often it is to be killed after its grace period', async () => {
    await run(STAYS).loaded;
    for (let i = 0; i < 3; i++) bot.killAfterGrace();
    expect(jest.getTimerCount()).toBe(1);
  });

  it('end with it, and nobody looks at its memory any more', async () => {
    await run(STAYS, { memoryLimitBytes: 10_000_000_000 }).loaded;
    bot.killAfterGrace();
    bot.kill('SIGKILL');
    expect(await bot.exited).toBe('was killed by SIGKILL');
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('the end of a bot process', () => {
  it('comes with SIGKILL where it ignores SIGTERM', async () => {
    await run(`process.on('SIGTERM', () => {}); ${STAYS}`, { killGraceMs: 1 }).loaded;
    bot.kill('SIGTERM');
    expect(await bot.exited).toBe('was killed by SIGKILL');
  });

  it('is that of its children', async () => {
    const log = new EventEmitter();
    run(`const { pid } = require('child_process').spawn('sleep', ['600'], { stdio: 'ignore' });
      say({ type: 'loaded' }, { type: 'log', level: 'log', message: String(pid) });
      control.once('data', () => process.exit(0));`);
    bot.logger = { log: (text: string) => log.emit('pid', text) } as unknown as RunnerLog;
    const [child] = (await once(log, 'pid')) as [string];
    expect(stateOf(child)).toMatch(/^[SR]/);
    bot.send(START);
    expect(await bot.exited).toBe('exited with code 0');
    // The process that takes the orphan over may be a moment late to clear it away.
    while (/^[SR]/.test(stateOf(child))) await nextTurn();
  });

  it('is that of its signals: its id may be that of another process by then', async () => {
    await run(STAYS).loaded;
    bot.kill('SIGKILL');
    await bot.exited;
    const kill = jest.spyOn(process, 'kill');
    bot.kill('SIGKILL');
    bot.kill('SIGTERM');
    expect(kill).not.toHaveBeenCalled();
    kill.mockRestore();
  });
});

describe('the messages of a bot process', () => {
  it('are believed up to the first malformed one', async () => {
    await run(`say({ type: 'loaded' });
      control.once('data', () => say({ type: 'ready' }, { type: 'stop', code: 1 }, { type: 'done' }));
      setInterval(() => {}, 1_000);`).loaded;
    const received: BotMessage[] = [];
    bot.onMessage = (message) => received.push(message);
    bot.send(START);
    expect(await bot.exited).toMatch(/sent a message of type stop that cannot be used/);
    expect(received).toEqual([{ type: 'ready' }]);
  });

  it('end it before its start, unless they say why it failed', async () => {
    run(`say({ type: 'loaded' }, { type: 'done' }); setInterval(() => {}, 1_000);`);
    const received: BotMessage[] = [];
    bot.onMessage = (message) => received.push(message);
    expect(await bot.exited).toBe('sent a message of type done before its start');
    expect(received).toEqual([]);
  });
});

/** State of a process, a letter first; '' when it is no more. */
function stateOf(pid: string): string {
  try {
    return /^State:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}
