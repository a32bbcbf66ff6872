import type { ChildProcess } from 'node:child_process';
import { EventEmitter, on } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { BotProcess } from './bot-process.js';
import { resolveProcessBotOptions } from './process-bot.options.js';

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
    expect(stdio.slice(1).map((stream) => stream?.destroyed)).toEqual([true, true, true, true]);
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
