import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RunnerArguments } from '../bot/runner-arguments.js';
import { SessionEnd } from '../bot/session-end.js';
import { logTo } from '../errors/runner-logger.js';
import { callBot } from '../limits/event-loop.js';
import { resolveRunnerOptions, type RunnerOptions } from '../runner.options.js';
import { RecordingLauncher } from '../testing/recording-launcher.js';
import { EventLoopWatchdog } from './event-loop-watchdog.js';
import { LocalSessionRegistry } from './local-session-registry.js';
import type { Session } from './session.js';

let nowMs = 0;
let lines: string[] = [];
const ends: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  jest.useFakeTimers();
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const ignore = (): void => undefined;
  logTo((context) => ({
    ...{ fatal: ignore, error: ignore, log: ignore, debug: ignore, verbose: ignore },
    warn: (message) => lines.push(`${context}: ${String(message)}`),
  }));
});
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
  lines = [];
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
  jest.restoreAllMocks();
});

/** A runner whose bots wait for the end of their session. */
function runner(options: RunnerOptions = {}) {
  const resolved = resolveRunnerOptions(options);
  const bot = new RecordingLauncher(
    (_args, { signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  );
  const registry = new LocalSessionRegistry(resolved, bot);
  const watchdog = new EventLoopWatchdog(resolved, registry);
  const launch = (id: string, botName?: string): Session => {
    const session = registry.open({ transport: 'websocket', id, bot: botName });
    registry.launch(session, new RunnerArguments());
    ends.push(() => session.end(new SessionEnd('stopped', 'over')));
    return session;
  };
  return { registry, watchdog, launch };
}

const hold = (ms: number) => (): void => void (nowMs += ms);
const beat = (): void => void jest.advanceTimersByTime(50);
const idle = (ms: number): void => {
  for (const untilMs = nowMs + ms; nowMs < untilMs; nowMs += 50) beat();
};

describe('EventLoopWatchdog', () => {
  it('names the bot, and says a minute later how often it happened since', () => {
    const session = runner().launch('1', 'sales');
    for (const pauseMs of [0, 1_000, 1_000, 60_000]) {
      idle(pauseMs);
      callBot(session, hold(250));
    }
    expect(lines.map((line) => line.replace(/;.*/, ''))).toEqual([
      "Session 1: the bot 'sales' held the event loop for 250 ms",
      "Session 1: the bot 'sales' held the event loop for 250 ms (and 2 times since the last such line)",
    ]);
  });

  it('names five of the sessions where it cannot tell whose timer it was', () => {
    const { launch } = runner();
    for (const id of ['1', '2', '3', '4', '5', '6', '7']) launch(id);
    beat();
    nowMs += 1_050;
    beat();
    expect(lines.map((line) => line.replace(/;.*/, ''))).toEqual([
      'PipecatRunner: a bot (sessions: 1, 2, 3, 4, 5, 2 more) or the host held the event loop for 1000 ms',
    ]);
  });

  it('leaves the bots of another runner to that', () => {
    const one = runner({ blockedLoopWarnMs: 100 });
    const other = runner({ blockedLoopWarnMs: 100 });
    one.launch('1');
    callBot(other.launch('2'), hold(300));
    expect(lines).toEqual([expect.stringMatching(/^Session 2: /)]);
  });

  it('tells observers of each time, though it logs one', () => {
    const { registry, launch } = runner();
    const told: unknown[] = [];
    registry.observers.add({ loopHeld: (...held) => told.push(held) });
    const session = launch('1');
    for (let i = 0; i < 3; i++) callBot(session, hold(300));
    beat();
    nowMs += 450;
    beat();
    expect(told).toEqual([
      [300, true],
      [300, true],
      [300, true],
      [400, false],
    ]);
    expect(lines).toHaveLength(2);
  });

  it.each(['the end of the last session', 'the end of the application'])(
    'leaves no timer behind after %s',
    async (what) => {
      const { watchdog, launch } = runner();
      const [first, second] = [launch('1'), launch('2')];
      await first.end(new SessionEnd('stopped', 'over'));
      expect(jest.getTimerCount()).toBeGreaterThan(0);
      if (what === 'the end of the application') watchdog.onModuleDestroy();
      await second.end(new SessionEnd('stopped', 'over'));
      expect(jest.getTimerCount()).toBe(0);
    },
  );

  it('forgets a session that turned out to be none', async () => {
    const { registry } = runner();
    const session = registry.open({ transport: 'twilio', isConnected: true });
    session.isDiscarded = true;
    await session.end(new SessionEnd('peer_left', 'It was none.'));
    expect(jest.getTimerCount()).toBe(0);
  });
});
