import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { RunnerArguments } from '../bot/runner-arguments.js';
import { SessionEnd } from '../bot/session-end.js';
import { logTo, type RunnerLog } from '../errors/runner-logger.js';
import type { HangUpOutcome, TransferOutcome } from '../media/media-connection.js';
import { bindContext, type HandOver } from '../sessions/session-context.js';
import { Session } from '../sessions/session.js';
import { WebSocketRunnerArguments } from '../websocket/websocket-runner-arguments.js';
import type { BotMessage, RunnerMessage } from './bot-messages.js';
import type { BotProcess } from './bot-process.js';
import { BotRun } from './bot-run.js';
import { resolveProcessBotOptions } from './process-bot.options.js';

const UNLIMITED = {
  maxSessionDurationMs: Infinity,
  readyTimeoutMs: Infinity,
  stopGraceMs: Infinity,
};
const OPTIONS = resolveProcessBotOptions({ command: 'a-bot' });

/** A process that loads and exits when a test says so. */
class FakeProcess extends EventEmitter {
  readonly sent: RunnerMessage[] = [];
  readonly kills: string[] = [];
  readonly socket = new PassThrough();
  onMessage: (message: BotMessage) => void = () => undefined;
  load!: () => void;
  exit!: (how: string) => void;
  readonly exited = new Promise<string>((resolve) => (this.exit = resolve));
  readonly loaded = new Promise<void>((resolve, reject) => {
    this.load = resolve;
    void this.exited.then((how) => reject(new Error(how)));
  });

  send(message: RunnerMessage): void {
    this.sent.push(message);
    this.emit(message.type, message);
  }
  kill(signal: string): void {
    this.kills.push(signal);
    if (signal === 'SIGKILL') this.exit('was killed by SIGKILL');
  }
  killAfterGrace(): void {
    this.kills.push('after its grace period');
  }
  release(): void {
    this.emit('released');
  }
  /** Resolves with the runner's next message of a type. */
  next<T extends RunnerMessage['type']>(type: T): Promise<Extract<RunnerMessage, { type: T }>> {
    return new Promise((resolve) => this.once(type, resolve));
  }
}

let session: Session;
let process: FakeProcess;
let lines: string[];

beforeEach(() => {
  lines = [];
  const line = (text: unknown): void => void lines.push(String(text));
  logTo(() => ({ warn: line, error: line }) as unknown as RunnerLog);
});
afterEach(() => void jest.useRealTimers());

/** Launches a bot in a process. */
function launch(handOver: HandOver = {}, limits = UNLIMITED, args = new RunnerArguments()): void {
  process = new FakeProcess();
  session = new Session('x', { transport: 'twilio' }, () => undefined);
  bindContext(args, session.context, handOver);
  session.launch(
    () => new BotRun(process as unknown as BotProcess, args, session, OPTIONS).over,
    limits,
  );
}

/** Launches a bot whose process is loaded. */
async function start(handOver: HandOver = {}, limits = UNLIMITED, args?: RunnerArguments) {
  launch(handOver, limits, args);
  const started = process.next('start');
  process.load();
  return started;
}

describe('a conversation in a bot process', () => {
  it('leaves no timer or socket behind', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const { requests } = await start();
    expect(existsSync(requests!.replace(/http$/, ''))).toBe(true);
    const stopped = process.next('stop');
    void session.end(new SessionEnd('stopped', 'enough'));
    await stopped;
    process.exit('exited with code 0');
    await session.ended;
    expect(jest.getTimerCount()).toBe(0);
    expect(existsSync(requests!.replace(/http$/, ''))).toBe(false);
  });

  it('stops no process that has exited', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    await start();
    process.exit('exited with code 7');
    await session.ended;
    expect(process.sent.map(({ type }) => type)).toEqual(['start']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('that takes too long to stop is ended by a signal', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    await start();
    void session.end(new SessionEnd('stopped', 'enough'));
    jest.advanceTimersByTime(OPTIONS.stopGraceMs - 1);
    expect(process.kills).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(process.kills).toEqual(['SIGTERM']);
    process.exit('exited with code 0');
    await session.ended;
    expect(lines).toEqual([`the bot did not end within ${OPTIONS.stopGraceMs} ms; killing it`]);
  });

  it('does not wait for a process that is loading when its session ends', async () => {
    launch();
    void session.end(new SessionEnd('peer_left', 'gone'));
    expect(process.kills).toEqual(['SIGKILL']);
    await expect(session.ended).resolves.toMatchObject({ code: 'peer_left' });
    expect(process.sent).toEqual([]);
  });

  it('is over for a session that had ended before', async () => {
    process = new FakeProcess();
    session = new Session('x', { transport: 'twilio' }, () => undefined);
    await session.end(new SessionEnd('expired', 'nobody came'));
    expect(session.signal.aborted).toBe(true);
    const run = new BotRun(
      process as unknown as BotProcess,
      new RunnerArguments(),
      session,
      OPTIONS,
    );
    await run.over;
    expect(process.sent).toEqual([]);
  });

  it('ends when its process is gone, and not with the grace period of the session', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    await start({}, { ...UNLIMITED, stopGraceMs: 10 });
    process.kill = (signal) => void process.kills.push(signal);
    let isOver = false;
    const ended = session.end(new SessionEnd('stopped', 'enough')).then(() => (isOver = true));
    jest.advanceTimersByTime(10);
    await new Promise(setImmediate);
    expect(process.kills).toEqual(['SIGKILL']);
    expect(isOver).toBe(false);
    process.exit('was killed by SIGKILL');
    await ended;
  });

  it('has the end that its outcome says, whatever comes after it', async () => {
    await start();
    process.onMessage({ type: 'ready' });
    process.onMessage({ type: 'done' });
    process.onMessage({ type: 'failed', message: 'too late' });
    process.onMessage({ type: 'stop', code: 'failed', message: 'too late' });
    expect(process.kills).toEqual(['after its grace period']);
    process.exit('exited with code 0');
    await expect(session.ended).resolves.toMatchObject({
      code: 'completed',
      message: 'The bot returned.',
    });
  });

  it('is not accused of breaking its connection once its bot has returned', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const websocket = Object.assign(new EventEmitter(), { readyState: WebSocket.OPEN });
    const args = new WebSocketRunnerArguments({ websocket: websocket as WebSocket });
    await start({}, UNLIMITED, args);
    process.onMessage({ type: 'done' });
    process.socket.destroy();
    await new Promise(setImmediate);
    expect(process.kills).toEqual(['after its grace period']);
    jest.advanceTimersByTime(60_000);
    expect(process.kills).not.toContain('SIGKILL');
    process.exit('exited with code 0');
    await expect(session.ended).resolves.toMatchObject({ code: 'completed' });
  });

  it('hangs up once, however often it is asked to', async () => {
    const hangUp = jest.fn((): Promise<HangUpOutcome> => Promise.resolve({ ok: true, via: 'api' }));
    await start({ hangUp });
    const hungUp = process.next('hung_up');
    for (let i = 0; i < 3; i++) process.onMessage({ type: 'hang_up' });
    expect(await hungUp).toEqual({ type: 'hung_up', ok: true, via: 'api' });
    expect(hangUp).toHaveBeenCalledTimes(1);
    process.exit('exited with code 0');
    await session.ended;
  });

  it('transfers its call one at a time, and twenty times at most', async () => {
    let answer!: (outcome: TransferOutcome) => void;
    const transfer = jest.fn(
      (_target: string) => new Promise<TransferOutcome>((resolve) => (answer = resolve)),
    );
    await start({ transfer });
    for (let i = 1; i <= 20; i++) {
      const transferred = process.next('transferred');
      process.onMessage({ type: 'transfer', target: `+${i}` });
      process.onMessage({ type: 'transfer', target: 'at once' });
      answer({ ok: false, error: 'busy' });
      expect(await transferred).toEqual({ type: 'transferred', ok: false, error: 'busy' });
    }
    process.onMessage({ type: 'transfer', target: 'one too many' });
    expect(transfer.mock.calls.map(([target]) => target)).toEqual(
      Array.from({ length: 20 }, (_, i) => `+${i + 1}`),
    );
    process.exit('exited with code 0');
    await session.ended;
  });

  it('fails with what its process says of itself', async () => {
    await start();
    process.exit('exited with code 7');
    await expect(session.ended).resolves.toMatchObject({
      code: 'failed',
      message: 'The process of the bot exited with code 7.',
    });
  });
});
