import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { RunnerArguments } from '../bot/runner-arguments.js';
import { RunnerError } from '../errors/runner.error.js';
import { resolveRunnerOptions, type RunnerOptions } from '../runner.options.js';
import { RecordingLauncher } from '../testing/recording-launcher.js';
import { LocalSessionRegistry } from './local-session-registry.js';
import type { SessionObserver } from './session-observers.js';
import { waitsUntil } from './admission.js';
import { SessionEnd } from '../bot/session-end.js';

function watched(options: RunnerOptions = {}, more: SessionObserver = {}) {
  const registry = new LocalSessionRegistry(resolveRunnerOptions(options), new RecordingLauncher());
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
    await session.end(new SessionEnd('stopped', 'enough'));
    const other = registry.open({ transport: 'twilio' });
    await other.end(new SessionEnd('expired', 'nobody came'));
    expect(seen).toEqual([
      'websocket pending',
      'websocket launching',
      'websocket running',
      'websocket stopped',
      'twilio pending',
      'twilio expired',
    ]);
  });

  it('see each refusal once', async () => {
    const { registry, seen } = watched({ maxSessions: 1 });
    const open = { transport: 'daily' };
    const refuse = async (): Promise<never> => {
      throw new RunnerError('PROVIDER_REFUSED', 'no room');
    };
    await expect(registry.start(open, refuse)).rejects.toThrow('no room');
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

  it('see the refusal of each start that waits when the runner drains', async () => {
    const { registry, seen } = watched({ maxSessions: 1, startQueueMs: 10_000 });
    registry.open({ transport: 'daily' });
    const starts = [1, 2, 3].map(() =>
      registry.start({ transport: 'daily' }, () => undefined, waitsUntil(undefined)),
    );
    expect(registry.queued).toBe(3);
    registry.close();
    const outcomes = await Promise.allSettled(starts);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(seen.filter((one) => one === 'DRAINING')).toHaveLength(3);
  });

  it('see each refusal, though a host throws one error again and again', async () => {
    const { registry, seen } = watched();
    const refusal = new RunnerError('PROVIDER_REFUSED', 'no room');
    const start = () => registry.start({ transport: 'daily' }, () => Promise.reject(refusal));
    await expect(start()).rejects.toBe(refusal);
    await expect(start()).rejects.toBe(refusal);
    expect(seen.filter((one) => one === 'PROVIDER_REFUSED')).toHaveLength(2);
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
    await expect(session.end(new SessionEnd('stopped', 'enough'))).resolves.toMatchObject({
      code: 'stopped',
    });
    expect(registry.size).toBe(0);
    expect(log).toHaveBeenCalledWith(expect.stringContaining('broken observer'));
    log.mockRestore();
  });

  it('are all flushed by the drain, though one of them fails', async () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    let store!: () => void;
    const stored = new Promise<void>((resolve) => (store = resolve));
    const { registry } = watched({}, { flush: () => Promise.reject(new Error('no database')) });
    registry.observers.add({ flush: () => stored });
    const drained = jest.fn();
    const draining = registry.drain().then(drained);
    await new Promise(setImmediate);
    expect(drained).not.toHaveBeenCalled();
    store();
    await draining;
    expect(log).toHaveBeenCalledWith(expect.stringContaining('no database'));
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
    await session.end(new SessionEnd('stopped', 'enough'));
  });
});
