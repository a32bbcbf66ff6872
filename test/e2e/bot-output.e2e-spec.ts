import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { BotLauncher, ProcessBotLauncher } from '../../src/index.js';
import { gone, ProcessHost } from '../support/process-host.js';

const OBEDIENT = { module: 'test/support/bots/obedient-bot.js' };
const RAW = {
  command: process.execPath,
  args: ['test/support/bots/raw-bot.js'],
  // One that floods hears nothing.
  stopGraceMs: 100,
  killGraceMs: 100,
};
/** The most of a core that the runner and its other call may take: the clock would also show what else runs on the machine. */
const MAX_CPU_SHARE = 0.4;

let running: ProcessHost | undefined;
const toClose: (() => unknown)[] = [];
afterEach(async () => {
  await running?.host.close();
  for (const close of toClose.splice(0)) await close();
  running = undefined;
});

const start = async (...args: Parameters<typeof ProcessHost.start>): Promise<ProcessHost> =>
  (running = await ProcessHost.start(...args));

/** A launcher of two bots: a raw one where the body asks for a flood. */
class OneOfTwo extends BotLauncher {
  private readonly raw = new ProcessBotLauncher(RAW);
  private readonly obedient = new ProcessBotLauncher(OBEDIENT);
  launch: BotLauncher['launch'] = (args, session) =>
    ((args.body as { floods?: object }).floods ? this.raw : this.obedient).launch(args, session);
}

const logMessage = JSON.stringify({ type: 'log', level: 'log', message: 'again and again' });

describe('a bot process that prints endlessly', () => {
  it.each([
    ['short lines on stdout', { on: 'stdout', line: 'x' }],
    ['lines on stderr', { on: 'stderr', line: 'x'.repeat(100) }],
    ['empty lines', { on: 'stdout', line: '' }],
    ['one line without an end', { on: 'stdout', line: 'x'.repeat(65_536) }],
    ['log messages', { on: 'control', line: logMessage }],
  ])('neither delays other calls nor fills the memory: %s', async (_, floods) => {
    const { lines } = await start(OBEDIENT, { launcher: OneOfTwo });
    const call = await running!.open({ do: 'mirror' });
    let heard = 0;
    call.on('message', () => heard++);
    call.send('one');
    await once(call, 'message');

    const before = process.memoryUsage.rss();
    const flood = await running!.open({ floods });
    const startedMs = performance.now();
    const cpuBefore = process.cpuUsage();
    // Three seconds of a call.
    const SENT = 150;
    for (let i = 0; i < SENT; i++) {
      const back = once(call, 'message');
      call.send('another');
      await Promise.all([back, sleep(20)]);
    }
    const { user, system } = process.cpuUsage(cpuBefore);
    const tookMs = performance.now() - startedMs;
    const cpuShare = (user + system) / 1_000 / tookMs;
    expect(heard).toBe(1 + SENT);
    expect(cpuShare).toBeLessThan(MAX_CPU_SHARE);
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
    // At most 500 in a second, of which the first may be full before the measurement and the last after it.
    expect(lines.all.length).toBeLessThan(500 * (tookMs / 1_000 + 2) + 100);
    flood.terminate();
  });

  it('gets one line a second in the log with the number of dropped lines', async () => {
    const { lines } = await start({ ...RAW, outputLinesPerSecond: 10 });
    const socket = await running!.open({ floods: { on: 'stdout', line: 'again' } });
    await lines.with('lines of the bot left out: ');
    const [first] = lines.all.splice(0).filter((line) => line.includes('left out'));
    expect(first).toMatch(
      /^warn lines of the bot left out: \d+ \(at most 10 in a second are logged\)$/,
    );
    await lines.with('lines of the bot left out: ');
    const second = lines.all.slice(
      0,
      lines.all.findIndex((line) => line.includes('left out')),
    );
    expect(second.filter((line) => line === 'log again').length).toBeLessThanOrEqual(10);
    socket.terminate();
  });
});

describe('output and log messages of a bot process', () => {
  it('share one rate limit, and the dropped rest is counted', async () => {
    const { lines, sessions } = await start({ ...OBEDIENT, outputLinesPerSecond: 30 });
    await running!.endOf({ do: 'chatter', count: 100 });
    expect(await sessions[0]!.ended).toMatchObject({ code: 'completed' });
    const logged = lines.all.filter((line) => /^log (logged|printed) \d+$/.test(line));
    const leftOut = lines.all
      .flatMap((line) => /left out: (\d+)/.exec(line)?.[1] ?? [])
      .map(Number);
    expect(logged.length + leftOut.reduce((sum, count) => sum + count, 0)).toBe(200);
    // It may take two seconds.
    expect(logged.length).toBeLessThanOrEqual(60);
  });

  it('cannot forge lines or move the cursor with control characters', async () => {
    const { lines } = await start(RAW);
    const text =
      '\u001b[31mred\u001b[0m\u001b]0;title\u0007 \u0000\u0008\r\u009b2J\u0085\u2028\u202eend\n[Nest] forged';
    const message = JSON.stringify({ type: 'log', level: 'warn', message: text });
    await running!.endOf({ says: [message, '{"type":"done"}'], prints: `${text}\n` });
    expect(lines.all).toContain('warn red end\n    [Nest] forged');
    expect(lines.all).toContain('log red end');
    expect(lines.all).toContain('log [Nest] forged');
  });

  it('is logged at the level that its prefix names', async () => {
    const { lines } = await start(RAW);
    const as = (level: string): string => `2026-01-31 12:00:00.000 | ${level} | bot:x:1 - said\n`;
    await running!.endOf({
      prints: as('WARNING ') + as('constructor') + as('__proto__'),
      says: ['{"type":"done"}'],
    });
    expect(
      lines.all.filter((line) => line.endsWith('said')).map((line) => line.split(' ')[0]),
    ).toEqual(['warn', 'log', 'log']);
  });
});

describe('an exited bot process', () => {
  it('is not waited for when another process inherited its descriptors', async () => {
    const { lines } = await start(OBEDIENT);
    const socket = await running!.open({ do: 'leaveBehind' });
    const [, pid] = /pid (\d+)/.exec(await lines.with('left behind'))!;
    toClose.push(() => {
      process.kill(Number(pid), 'SIGKILL');
      return gone(Number(pid));
    });
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1_011);
    expect(await running!.sessions[0]!.ended).toMatchObject({
      code: 'failed',
      message: 'The process of the bot was killed by SIGKILL.',
    });
  });

  it('is replaced in the warm pool after a back-off', async () => {
    const { lines } = await start({
      command: 'sh',
      args: ['-c', `echo '{"type":"loaded"}' >&3`],
      warmProcesses: 1,
    });
    const ENDED = 'A process that waited for its conversation exited with code 0.';
    await lines.with(ENDED);
    const atMs = performance.now();
    lines.all.length = 0;
    await lines.with(ENDED);
    expect(performance.now() - atMs).toBeGreaterThan(900);
  });
});
