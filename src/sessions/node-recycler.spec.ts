import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { until } from '../../test/support/until.js';
import { BotLauncher } from '../bot/bot-launcher.js';
import { RunnerArguments } from '../bot/runner-arguments.js';
import { SessionEnd } from '../bot/session-end.js';
import { RunnerServing } from '../http/runner-serving.js';
import { resolveRunnerOptions, type RunnerOptions } from '../runner.options.js';
import { LocalSessionRegistry } from './local-session-registry.js';
import { NodeRecycler } from './node-recycler.js';
import { RunnerReadiness } from './runner-readiness.js';
import type { Session } from './session.js';

const STOPPED = new SessionEnd('stopped', 'enough');

class TalkingLauncher extends BotLauncher {
  async launch(_: RunnerArguments, session: Session): Promise<void> {
    session.ready();
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  }
}

describe('the recycling of a node', () => {
  let kill: jest.SpiedFunction<typeof process.kill>;
  let recycler: NodeRecycler;
  beforeEach(() => {
    jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    kill = jest.spyOn(process, 'kill').mockReturnValue(true);
  });
  afterEach(() => {
    recycler.onModuleDestroy();
    jest.restoreAllMocks();
  });

  const start = (given: RunnerOptions) => {
    const options = resolveRunnerOptions(given);
    const registry = new LocalSessionRegistry(options, new TalkingLauncher());
    const serving = new RunnerServing(new HttpAdapterHost());
    recycler = new NodeRecycler(options, registry, serving);
    recycler.onModuleInit();
    serving.begin();
    const serve = (): Session => {
      const session = registry.open({ transport: 'websocket' });
      registry.launch(session, new RunnerArguments());
      return session;
    };
    return { registry, serve, readiness: new RunnerReadiness(registry) };
  };

  it('waits for who talks and for who is announced, and takes nobody else', async () => {
    const { registry, serve, readiness } = start({ recycleAfterSessions: 2 });
    const talking = serve();
    const announced = registry.open({ transport: 'websocket' });
    for (let n = 0; n < 2; n++) await serve().end(STOPPED);
    await until(() => readiness.status === 'draining');
    expect(() => registry.open({ transport: 'websocket' })).toThrow(/shutting down/);
    await talking.end(STOPPED);
    const session = registry.claim(announced.id, ['websocket'])!;
    registry.launch(session, new RunnerArguments());
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect([kill.mock.calls, session.state.name]).toEqual([[], 'running']);
    await session.end(STOPPED);
    await until(() => kill.mock.calls.length > 0);
    expect(kill.mock.calls).toEqual([[process.pid, 'SIGTERM']]);
  });

  it('counts no sessions that nobody came for', async () => {
    const { registry, readiness } = start({ recycleAfterSessions: 1 });
    await registry.open({ transport: 'websocket' }).end(STOPPED);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(readiness.status).toBe('ready');
  });

  it('goes on when there is no descriptor to read its memory with, and begins once there is', async () => {
    const noDescriptor = (): never => {
      throw new Error('EMFILE: too many open files, uv_resident_set_memory');
    };
    const rss = jest.spyOn(process.memoryUsage, 'rss').mockImplementationOnce(noDescriptor);
    const { readiness } = start({ recycleMemoryBytes: 1_048_576 });
    await until(() => readiness.status === 'draining');
    expect(rss.mock.calls.length).toBeGreaterThan(1);
  });

  it('begins beyond an amount of memory', async () => {
    const { serve } = start({ recycleMemoryBytes: 1 });
    const session = serve();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(kill.mock.calls).toEqual([]);
    await session.end(STOPPED);
    await until(() => kill.mock.calls.length > 0);
  });

  it('does nothing unless it is asked for, or once the application shuts down', async () => {
    start({});
    const { serve } = start({ recycleAfterSessions: 1 });
    await serve().end(STOPPED);
    recycler.onModuleDestroy();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(kill.mock.calls).toEqual([]);
  });
});
