import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { TelephonyModule } from '../../src/index.js';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { ProcessHost } from '../support/process-host.js';
import { closeOf } from '../support/runner-app.js';

const OBEDIENT = { module: 'test/support/bots/obedient-bot.js' };
const { PIPECAT_PYTHON } = process.env;
const PYTHON = [
  'Python',
  { python: 'test/support/bots/obedient_bot.py', pythonPath: PIPECAT_PYTHON },
  'raise',
] as const;
const raw = (...said: string[]) => ({
  command: process.execPath,
  args: ['test/support/bots/raw-bot.js', ...said],
});

let running: ProcessHost | undefined;
const toClose: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await running?.host.close();
  for (const close of toClose.splice(0)) await close();
  running = undefined;
});

const start = async (...args: Parameters<typeof ProcessHost.start>): Promise<ProcessHost> =>
  (running = await ProcessHost.start(...args));

describe('a malformed message of a bot process', () => {
  it.each<[string, unknown, RegExp]>([
    ['a text', 'hello', /said what is no message of the protocol/],
    ['null', null, /said what is no message of the protocol/],
    ['a type that is a number', { type: 7 }, /said what is no message of the protocol/],
    [
      'an end with an object for its text',
      { type: 'stop', code: 'completed', message: { toString: 1, valueOf: 1 } },
      /sent a message of type stop that cannot be used: message must be a text of at most 4096 characters/,
    ],
    [
      'an end that is not its own',
      { type: 'stop', code: 'draining', message: '' },
      /code must be one of completed, failed/,
    ],
    [
      'a line of no level',
      { type: 'log', level: 'constructor', message: 'x' },
      /level must be one of verbose, debug/,
    ],
    [
      'a long line',
      { type: 'log', level: 'log', message: 'x'.repeat(65_537) },
      /message must be a text of at most 65536 characters/,
    ],
    [
      'less than nothing',
      {
        type: 'done',
        stats: { audioIn: -1, audioOut: 0, unread: 0, overflowed: 0, malformed: {} },
      },
      /each number of stats must be a whole one from 0 to 1000000000/,
    ],
    [
      'an error without a text',
      { type: 'failed', stack: 'x' },
      /message must be a text of at most/,
    ],
    [
      'more than a message may have',
      { type: 'x', more: 'x'.repeat(600_000) },
      /sent a message of more than 524288 characters/,
    ],
  ])('ends only that process, and the session names the cause: %s', async (_, message, reason) => {
    const { host, lines, sessions } = await start(raw());
    await running!.open({ says: ['{"type":"log","level":"log","message":"up"}'] });
    await lines.with('up');
    expect(await running!.endOf({ says: [JSON.stringify(message)] })).toMatchObject({
      code: 'failed',
      message: expect.stringMatching(reason),
    });
    expect(sessions[0]!.state.name).not.toBe('ended');
    expect((await fetch(`${host.url}/status`)).status).toBe(200);
  });

  it.each(['ready', 'done', 'hang_up'])(
    'before its session begins ends the process: %s',
    async (type) => {
      await start(raw(JSON.stringify({ type })));
      expect(await running!.endOf({})).toMatchObject({
        code: 'failed',
        message: `The process of the bot sent a message of type ${type} before its start.`,
      });
    },
  );
});

describe('messages of a bot process', () => {
  it('are ignored when unknown, repeated or late', async () => {
    const { lines } = await start(raw());
    const says = [
      { type: 'grown' },
      { type: '__proto__' },
      { type: 'loaded' },
      { type: 'ready' },
      { type: 'ready' },
      { type: 'stop', code: 'completed', message: 'enough' },
      { type: 'stop', code: 'failed', message: 'again' },
      { type: 'done' },
      { type: 'failed', message: 'after the end' },
      { type: 'ready' },
      { type: 'log', level: 'warn', message: 'last words' },
    ];
    expect(
      await running!.endOf({ says: says.map((message) => JSON.stringify(message)) }),
    ).toMatchObject({ code: 'completed', message: 'enough' });
    expect(lines.all).toContain('warn last words');
    expect(lines.all.join('\n')).not.toContain('after the end');
  });

  it.each([['Node', OBEDIENT, 'throw'], ...(PIPECAT_PYTHON ? [PYTHON] : [])] as const)(
    'are large enough for any error thrown in %s',
    async (_, program, deed) => {
      const { lines } = await start(program);
      const message = '\u{1f600}\u0001'.repeat(100_000);
      expect(await running!.endOf({ do: deed, message })).toMatchObject({
        code: 'failed',
        message: 'The bot failed.',
      });
      expect(lines.all.join()).toContain('\u{1f600}\u{1f600}');
    },
  );

  it('end a call only once, however many requests arrive', async () => {
    const api = await FakeCarrierApi.start();
    toClose.push(() => api.close());
    const { host } = await start(raw(), {
      transports: [TelephonyModule.forRoot({ credentials: api.credentials })],
    });
    const body = { says: [...Array<string>(2_000).fill('{"type":"hang_up"}'), '{"type":"done"}'] };
    const call = await host.call({ carrier: 'twilio', body });
    await call.closed;
    expect(api.requests).toHaveLength(1);
  });

  it('are rate-limited to 1,000 a second without blocking the event loop', async () => {
    const { host, lines } = await start({ ...raw(), stopGraceMs: 100, killGraceMs: 100 });
    const line = JSON.stringify({ type: 'log', level: 'log', message: 'again' });
    const socket = await running!.open({ floods: { on: 'control', line } });
    const leftOut = /left out: (\d+)/;
    const counts: number[] = [];
    while (counts.length < 2) {
      const text = await lines.with('left out');
      counts.push(Number(leftOut.exec(text)![1]));
      lines.all.length = 0;
    }
    expect(Math.max(...counts)).toBeLessThan(1_500);
    expect((await fetch(`${host.url}/status`)).status).toBe(200);
    socket.close();
  });
});

describe('the WebSocket of a bot process', () => {
  it('refuses messages of the bot over maxPayloadBytes', async () => {
    const { host } = await start(OBEDIENT, { maxPayloadBytes: 100_000 });
    const client = await host.connect();
    const socket = await running!.open({ do: 'flood', count: 1, bytes: 100_001 });
    const heard: unknown[] = [];
    socket.on('message', (message) => heard.push(message));
    await closeOf(socket);
    expect(heard).toEqual([]);
    expect(await running!.sessions.at(-1)!.ended).toMatchObject({
      code: 'failed',
      message: 'The process of the bot sent a WebSocket message of more than 100000 bytes.',
    });
    expect(running!.sessions[0]!.state.name).not.toBe('ended');
    await client.leave();

    const allowed = await running!.open({ do: 'flood', count: 1, bytes: 100_000 });
    const [message] = (await once(allowed, 'message')) as [Buffer];
    expect(message).toHaveLength(100_000);
  });

  it('ends a process that violates the WebSocket protocol', async () => {
    await start(OBEDIENT);
    expect(await running!.endOf({ do: 'garble' })).toMatchObject({
      code: 'failed',
      message: expect.stringMatching(/^The process of the bot broke the protocol of its WebSocket/),
    });
  });
});
