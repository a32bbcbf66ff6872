import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ProcessBotOptions } from '../../src/index.js';
import { ProcessHost } from '../support/process-host.js';
import { closeOf } from '../support/runner-app.js';

const { PIPECAT_PYTHON } = process.env;
const NODE: ProcessBotOptions = { module: 'test/support/bots/obedient-bot.js' };
const PYTHON: ProcessBotOptions = {
  python: 'test/support/bots/obedient_bot.py',
  pythonPath: PIPECAT_PYTHON,
};
const RAW: ProcessBotOptions = {
  command: process.execPath,
  args: ['test/support/bots/raw-bot.js'],
};
const HOSTS: [string, ProcessBotOptions][] = [
  ['Node', NODE],
  ...(PIPECAT_PYTHON ? [['Python', PYTHON] satisfies [string, ProcessBotOptions]] : []),
];
/** Longer than every grace period of a process. */
const LONG_MS = 1_500;

let running: ProcessHost | undefined;
afterEach(async () => {
  await running?.host.close();
  running = undefined;
});

/** Has one conversation. @returns its end, and the close code of its peer */
async function endOf(program: ProcessBotOptions, body: object) {
  running = await ProcessHost.start(program);
  const { code } = await closeOf(await running.open(body));
  const end = await running.sessions[0]!.ended;
  return { peer: code, code: end.code, message: end.message };
}

describe.each(HOSTS)('the end of a bot process in %s', (_, program) => {
  it.each([
    ['failed, and exits late', { do: 'throw', exitMs: LONG_MS }, 'failed', 1011],
    ['returned, and exits late', { do: 'return', exitMs: LONG_MS }, 'completed', 1000],
    ['failed, and never exits', { do: 'throw', exitMs: 60_000 }, 'failed', 1011],
    ['returned, and never exits', { do: 'return', exitMs: 60_000 }, 'completed', 1000],
    ['hung, and then failed', { do: 'throw', hangMs: LONG_MS }, 'failed', 1011],
    ['hung, and then returned', { do: 'return', hangMs: LONG_MS }, 'completed', 1000],
  ])('is true when it %s', async (_case, body, code, peer) => {
    expect(await endOf(program, body)).toMatchObject({ code, peer });
  });

  it.each([
    ['killed by SIGKILL', { do: 'kill' }, /was killed by SIGKILL/],
    ['exited with a code', { do: 'exit', code: 3 }, /exited with code 3/],
    ['exited with a code, late', { do: 'exit', code: 3, exitMs: LONG_MS }, /exited with code 3/],
  ])('names the exit of a process that %s', async (_case, body, message) => {
    expect(await endOf(program, body)).toMatchObject({
      code: 'failed',
      peer: 1011,
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['failed', 'throw', 'failed'],
    ['returned', 'return', 'completed'],
  ])('is that the bot %s although its peer leaves before it exits', async (_case, deed, code) => {
    running = await ProcessHost.start(program);
    const socket = await running.open({ do: deed, exitMs: LONG_MS });
    const session = running.sessions[0]!;
    while (!session.ending) await once(session.signal, 'abort');
    socket.terminate();
    expect(await session.ended).toMatchObject({ code });
  });
});

describe('the end of a program whose WebSocket breaks', () => {
  it.each([
    ['that it failed', { says: ['{"type":"failed","message":"x"}'] }, 'failed', 1011],
    ['that it is done', { says: ['{"type":"done"}'] }, 'completed', 1000],
    ['its exit code', { code: 3 }, 'failed', 1011],
  ])('is %s, however late that is known', async (_, word, code, peer) => {
    expect(await endOf(RAW, { cuts: LONG_MS, ...word })).toMatchObject({ code, peer });
  });
});
