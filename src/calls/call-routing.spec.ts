import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { resolveRunnerOptions } from '../runner.options.js';
import { LocalSessionRegistry } from '../sessions/local-session-registry.js';
import { RecordingLauncher } from '../testing/recording-launcher.js';
import { CallRouter, type IncomingCall } from './call-router.js';
import { CallRouting, type KnownCall } from './call-routing.js';

Logger.overrideLogger(false);
afterEach(() => void jest.useRealTimers());

const CALL: KnownCall = { transport: 'twilio', stage: 'webhook', fields: {}, query: {} };
const NO_DECISION = expect.objectContaining({ code: 'NO_DECISION', status: 503 });

/** Routing by a router that answers like this. */
function routing(answers: { [Name in 'route' | 'webhookKeys']?: (call: IncomingCall) => unknown }) {
  const options = resolveRunnerOptions({ callRouterTimeoutMs: 1_000 });
  const router = Object.assign(
    new (class extends CallRouter {
      route = (): object => ({});
    })(),
    answers,
  );
  const registry = new LocalSessionRegistry(options, new RecordingLauncher());
  return new CallRouting(options, router, registry);
}

describe('a call router that does not answer', () => {
  it.each(['route', 'webhookKeys'] as const)(
    'is told by the signal that %s() took too long, and the call is refused',
    async (method) => {
      jest.useFakeTimers();
      let signal: AbortSignal | undefined;
      const routed = routing({
        [method]: (call: IncomingCall) => {
          ({ signal } = call);
          return new Promise(() => undefined);
        },
      })[method](CALL);
      await jest.advanceTimersByTimeAsync(999);
      expect(signal?.aborted).toBe(false);
      jest.advanceTimersByTime(1);
      await expect(routed).rejects.toEqual(NO_DECISION);
      expect(signal).toMatchObject({ aborted: true, reason: expect.any(Error) });
      expect(jest.getTimerCount()).toBe(0);
    },
  );
});

describe('the decision of a call router', () => {
  it.each([
    [null],
    ['busy'],
    [{ refuse: 'later' }],
    [{ bot: 7 }],
    [{ maxDurationMs: 0 }],
    [{ principal: 'ada' }],
    [{ customParameters: { a: 1 } }],
    [{ unknown: 1 }],
    [{ constructor: 1 }],
  ])('is refused where it is %j', async (decision) => {
    await expect(routing({ route: () => decision }).route(CALL)).rejects.toEqual(NO_DECISION);
  });

  it('may leave fields undefined, and refuse the call', async () => {
    const accepted = { bot: 'sales', maxDurationMs: undefined };
    await expect(routing({ route: () => accepted }).route(CALL)).resolves.toEqual(accepted);
    await expect(
      routing({ route: async () => ({ refuse: 'busy' }) }).route(CALL),
    ).rejects.toMatchObject({ code: 'CALL_REFUSED', refusal: 'busy' });
  });
});

describe('the webhook keys of a call router', () => {
  it.each([
    [undefined, undefined],
    ['one', ['one']],
    [
      ['one', 'two'],
      ['one', 'two'],
    ],
    // None of the module's either: the webhook is refused.
    [[], []],
  ])('%j are %j', async (keys, expected) => {
    const asked = routing({ webhookKeys: () => keys }).webhookKeys(CALL);
    await expect(asked).resolves.toEqual(expected);
  });

  it.each([[''], [7], [['one', '']]])('are refused where they are %j', async (keys) => {
    const asked = routing({ webhookKeys: () => keys }).webhookKeys(CALL);
    await expect(asked).rejects.toEqual(NO_DECISION);
  });
});
