import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ServerConnections } from '../http/server-connections.js';
import { resolveRunnerOptions } from '../runner.options.js';
import { RunnerArguments } from '../bot/runner-arguments.js';
import { RecordingLauncher } from '../testing/recording-launcher.js';
import { SessionEnd } from '../bot/session-end.js';
import { RunnerDrain } from './runner-drain.js';
import { LocalSessionRegistry } from './local-session-registry.js';

Logger.overrideLogger(false);
const hostsOwn = (): void => undefined;
afterEach(() => {
  process.off('SIGTERM', hostsOwn);
  jest.useRealTimers();
});

function runner() {
  const options = resolveRunnerOptions({ drainTimeoutMs: 60_000 });
  const registry = new LocalSessionRegistry(options, new RecordingLauncher());
  const session = registry.open({ transport: 'websocket' });
  registry.launch(session, new RunnerArguments());
  return {
    session,
    drain: new RunnerDrain(options, registry, new ServerConnections(new HttpAdapterHost())),
  };
}

describe('RunnerDrain', () => {
  it('takes a second signal for haste, where the first is handled by somebody', async () => {
    process.on('SIGTERM', hostsOwn);
    const { session, drain } = runner();
    const destroyed = drain.onModuleDestroy();
    expect(process.listenerCount('SIGTERM')).toBe(2);
    process.emit('SIGTERM');
    await expect(session.ended).resolves.toMatchObject({ code: 'draining' });
    await destroyed;
    expect(process.listeners('SIGTERM')).toEqual([hostsOwn]);
  });

  it('leaves a signal that nobody handles what it is: the end of the process', async () => {
    const { session, drain } = runner();
    const before = process.listenerCount('SIGTERM');
    const destroyed = drain.onModuleDestroy();
    expect(before).toBe(0);
    expect(process.listenerCount('SIGTERM')).toBe(0);
    expect(session.state.name).toBe('running');
    drain.expedite();
    await destroyed;
  });

  it('is not hastened by the signal that follows a drain begun beforehand', async () => {
    process.on('SIGTERM', hostsOwn);
    const { session, drain } = runner();
    const drained = drain.start();
    process.emit('SIGTERM');
    const destroyed = drain.onModuleDestroy();
    expect(session.state.name).toBe('running');
    drain.expedite();
    await Promise.all([drained, destroyed]);
  });

  it('waits for nobody when it was expedited before it began', async () => {
    const { session, drain } = runner();
    drain.expedite();
    await drain.start();
    await expect(session.ended).resolves.toMatchObject({ code: 'draining' });
  });

  it('leaves no timer when the last session ends', async () => {
    jest.useFakeTimers();
    const { session, drain } = runner();
    const drained = drain.start();
    void session.end(new SessionEnd('completed', 'done'));
    await drained;
    expect(jest.getTimerCount()).toBe(0);
  });
});
