import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { RunnerArguments } from '../bot/runner-arguments.js';
import { RunnerError } from '../errors/runner.error.js';
import { resolveRunnerOptions, type RunnerOptions } from '../runner.options.js';
import { RecordingLauncher } from '../testing/recording-launcher.js';
import { SessionRegistry } from './session-registry.js';
import type { SessionObserver } from './session-observers.js';

function watched(options: RunnerOptions = {}, more: SessionObserver = {}) {
  const registry = new SessionRegistry(resolveRunnerOptions(options), new RecordingLauncher());
  const seen: string[] = [];
  registry.observers.add({
    changed: ({ transport, state }) =>
      seen.push(`${transport} ${state.name === 'ended' ? state.reason.code : state.name}`),
    refused: (error) => seen.push((error as RunnerError).code),
    ...more,
  });
  return { registry, seen };
}

describe('observers of sessions', () => {
  it('see each state of each session, in order', async () => {
    const { registry, seen } = watched();
    const session = registry.open({ transport: 'websocket' });
    registry.claim(session.id, ['websocket']);
    registry.launch(session, new RunnerArguments());
    await registry.stop(session, 'stopped', 'enough');
    const other = registry.open({ transport: 'twilio' });
    await registry.stop(other, 'expired', 'nobody came');
    expect(seen).toEqual([
      'websocket pending',
      'websocket launching',
      'websocket running',
      'websocket stopped',
      'twilio pending',
      'twilio expired',
    ]);
  });

  it('see refusals once, whoever passes them on', async () => {
    const { registry, seen } = watched({ maxSessions: 1 });
    const open = { transport: 'daily' };
    const refuse = async (): Promise<never> => {
      throw new RunnerError('PROVIDER_REFUSED', 'no room');
    };
    const error = await registry.start(open, refuse).catch((thrown: unknown) => thrown);
    registry.observers.refused(error);
    registry.open(open);
    expect(() => registry.open(open)).toThrow(/taken/);
    await expect(registry.start(open, () => undefined)).rejects.toThrow(/taken/);
    expect(seen).toEqual([
      'daily pending',
      'daily start_failed',
      'PROVIDER_REFUSED',
      'daily pending',
      'AT_CAPACITY',
      'AT_CAPACITY',
    ]);
  });

  it('change nothing when they throw', async () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const { registry } = watched();
    const fail = () => {
      throw new Error('broken observer');
    };
    registry.observers.add({ changed: fail, refused: fail });
    const session = registry.open({ transport: 'websocket' });
    registry.launch(session, new RunnerArguments());
    await expect(registry.stop(session, 'stopped', 'enough')).resolves.toMatchObject({
      code: 'stopped',
    });
    expect(registry.size).toBe(0);
    expect(log).toHaveBeenCalledWith(expect.stringContaining('broken observer'));
    log.mockRestore();
  });

  it('can run the bot, one within the other', async () => {
    const order: string[] = [];
    const around = (name: string): SessionObserver => ({
      around: (_session, bot) => {
        order.push(name);
        return bot();
      },
    });
    const { registry } = watched({}, around('inner'));
    registry.observers.add(around('outer'));
    const session = registry.open({ transport: 'websocket' });
    registry.launch(session, new RunnerArguments());
    expect(session.state.name).toBe('running');
    expect(order).toEqual(['outer', 'inner']);
    await registry.stop(session, 'stopped', 'enough');
  });
});
