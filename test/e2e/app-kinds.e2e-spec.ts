import { execFile } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeDaily } from '../support/fake-daily.js';
import { PLATFORMS } from '../support/runner-app.js';

let daily: FakeDaily;
beforeEach(async () => {
  daily = await FakeDaily.start();
});
afterEach(() => daily.close());

/** Runs an AppModule with a runner in it as a kind of application, in a process of its own. @returns how that ended, and what it did */
async function run(kind: string, platform = 'fastify', served?: () => Promise<void>) {
  const { code, stdout, stderr } = await new Promise<{
    code: unknown;
    stdout: string;
    stderr: string;
  }>((resolve) => {
    const child = execFile(
      process.execPath,
      ['test/support/app-kinds.js', kind, platform, daily.apiUrl, daily.apiKey],
      { timeout: 15_000 },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
    if (kind === 'REPL') child.stdin!.end('get(Seeds).plant()\n');
    void served?.().then(() => child.stdin!.end());
  });
  const report = stdout
    .split('\n')
    .filter((line) => line.startsWith('{"events"'))
    .at(-1);
  return {
    code,
    log: stdout + stderr,
    rooms: daily.bodiesOf('/rooms').length,
    ...(JSON.parse(report ?? '{}') as { events: string[]; polled: boolean; processesLeft: number }),
  };
}

const IDLE = { code: 0, rooms: 0, polled: false, processesLeft: 0 };

describe('a runner in an application without an HTTP server is idle', () => {
  it.each([
    ['script', ['seeds up', 'planted', 'seeds down']],
    ['script that closes nothing', ['seeds up', 'planted']],
    ['microservice', ['seeds up', 'seeds down']],
    ['REPL', ['seeds up', 'planted', 'seeds down']],
  ])('in a %s', async (kind, events) => {
    const { log, ...report } = await run(kind);
    expect(report).toEqual({ ...IDLE, events });
    expect(log).not.toMatch(/WARN|ERROR|\bat .*:\d+:\d+/);
  });
});

describe.each(PLATFORMS)(
  'a runner in an application that never listens is idle on %s',
  (platform) => {
    it.each([
      ['application that is only created', ['seeds down']],
      ['application that is only initialised', ['seeds up', 'seeds down']],
      ['application that is initialised and left', ['seeds up']],
      ['application in preview mode', []],
    ])('in an %s', async (kind, events) => {
      const { log, ...report } = await run(kind, platform);
      expect(report).toEqual({ ...IDLE, events });
      expect(log).not.toMatch(/PipecatRunner|ERROR|\bat .*:\d+:\d+/);
    });
  },
);

describe.each(PLATFORMS)('a runner in a listening application on %s', (platform) => {
  it.each(['hybrid application', 'application on a server of its own'])(
    'prepares its launcher once and starts serving: %s',
    async (kind) => {
      expect(await run(kind, platform, () => daily.untilRooms(2))).toMatchObject({
        code: 0,
        events: ['seeds up', 'launcher prepares', 'seeds down'],
        polled: true,
        processesLeft: 0,
        rooms: 2,
      });
      expect(daily.rooms.size).toBe(0);
    },
  );

  it.each([
    'application that loads the module lazily',
    'application that loads the module lazily before it listens',
  ])('warns that it is not served and stays idle: %s', async (kind) => {
    const { log, ...report } = await run(kind, platform);
    expect(report).toEqual({ ...IDLE, events: [] });
    expect(log).toMatch(/WARN.*NOT SERVED: RunnerModule was loaded by LazyModuleLoader/);
    expect(log).not.toMatch(/ERROR|\bat .*:\d+:\d+/);
  });
});
