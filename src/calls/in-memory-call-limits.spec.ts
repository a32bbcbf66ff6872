import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { InvalidOptionsError } from '../validation/options.js';
import { CallLimitError, type CallReservation } from './call-limits.js';
import { InMemoryCallLimits, type TenantLimitsSource } from './in-memory-call-limits.js';

const MINUTE_MS = 60_000;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Limits on the clock of the fake timers, and the calls that they have ended. */
function limitsOf(source: TenantLimitsSource, windowMs?: number) {
  const limits = new InMemoryCallLimits(source, { windowMs });
  const ended: string[] = [];
  const reserve = (name: string, to = '+15550001', tenant?: string): Promise<CallReservation> =>
    limits.reserve({
      tenant,
      carrier: 'twilio',
      to,
      from: '+15550002',
      end: (message) => void ended.push(`${name}: ${message}`),
    });
  return { limits, ended, reserve };
}

const refused = (limit: string) => expect.objectContaining({ name: 'CallLimitError', limit });

describe('how many calls there are at once', () => {
  it('is exact when many are reserved together, however long their limits take to look up', async () => {
    const { reserve, limits } = limitsOf(async () => {
      await Promise.resolve();
      return { maxCalls: 5 };
    });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => reserve(`${i}`, '+15550001', i % 2 ? 'a' : 'b')),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect(limits.usageOf('a').calls).toBe(5);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toEqual(refused('calls'));
    }
  });

  it('counts those that ring, and a place is free again once a call has ended', async () => {
    const { reserve } = limitsOf({ maxCalls: 1 });
    const first = await reserve('first');
    await expect(reserve('second')).rejects.toEqual(refused('calls'));
    await first.ended();
    await first.ended();
    const third = await reserve('third');
    await expect(reserve('fourth')).rejects.toEqual(refused('calls'));
    await third.ended();
  });
});

describe('how many minutes there are', () => {
  it('counts calls that go on, and ends them when the minutes are used up', async () => {
    const { reserve, ended, limits } = limitsOf({ maxMinutes: 3 });
    const first = await reserve('first');
    void first.answered();
    jest.advanceTimersByTime(MINUTE_MS);
    const second = await reserve('second');
    void second.answered();
    // Two minutes are left, and two calls share them.
    jest.advanceTimersByTime(MINUTE_MS - 1);
    expect(ended).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(ended).toEqual([
      'first: The 3 minutes that may be called are used up.',
      'second: The 3 minutes that may be called are used up.',
    ]);
    await first.ended();
    await second.ended();
    expect(limits.usageOf(undefined)).toEqual({ calls: 0, minutes: 3 });
    await expect(reserve('third')).rejects.toEqual(refused('minutes'));
  });

  it('does not count ringing', async () => {
    const { reserve, limits } = limitsOf({ maxMinutes: 1 });
    const call = await reserve('rings');
    jest.advanceTimersByTime(10 * MINUTE_MS);
    expect(limits.usageOf(undefined)).toEqual({ calls: 1, minutes: 0 });
    await call.ended();
    expect(limits.usageOf(undefined).minutes).toBe(0);
    await (await reserve('again')).ended();
  });

  it('counts a call once, however often it ends, and leaves no timer', async () => {
    const { reserve, limits } = limitsOf({ maxMinutes: 10 });
    const call = await reserve('call');
    void call.answered();
    jest.advanceTimersByTime(MINUTE_MS);
    await call.ended();
    await call.ended();
    expect(limits.usageOf(undefined)).toEqual({ calls: 0, minutes: 1 });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leaves more to the others when one hangs up early', async () => {
    const { reserve, ended } = limitsOf({ maxMinutes: 2 });
    const [first, second] = [await reserve('first'), await reserve('second')];
    void first.answered();
    void second.answered();
    jest.advanceTimersByTime(MINUTE_MS / 2);
    await first.ended();
    // One minute is left, for one.
    jest.advanceTimersByTime(MINUTE_MS - 1);
    expect(ended).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(ended).toHaveLength(1);
    await second.ended();
  });

  it('are there again once the calls are as long ago as the window', async () => {
    const { reserve } = limitsOf({ maxMinutes: 1 }, 60 * MINUTE_MS);
    const first = await reserve('first');
    void first.answered();
    jest.advanceTimersByTime(MINUTE_MS);
    await first.ended();
    jest.advanceTimersByTime(59 * MINUTE_MS);
    await expect(reserve('too soon')).rejects.toEqual(refused('minutes'));
    // The window is counted in 288ths.
    jest.advanceTimersByTime(2 * MINUTE_MS);
    await (await reserve('later')).ended();
  });

  it('are each tenant’s own', async () => {
    const { reserve } = limitsOf((tenant) => ({ maxMinutes: tenant === 'poor' ? 0 : 10 }));
    await expect(reserve('x', '+15550001', 'poor')).rejects.toEqual(refused('minutes'));
    await (await reserve('x', '+15550001', 'rich')).ended();
  });
});

describe('where calls go to', () => {
  it.each<[string, boolean]>([
    ['+4930123456', true],
    ['+49900123456', false],
    ['+15550001', false],
    ['sip:desk@example.com', true],
    ['sip:desk@example.com.evil.test', false],
  ])('%s: %s', async (to, allowed) => {
    const { reserve, limits } = limitsOf({
      destinations: ['+49', /sip:\w+@example\.com/g],
      blockedDestinations: ['+49900'],
    });
    const transfer = limits.checkTransfer({ tenant: undefined, carrier: 'twilio', to });
    if (allowed) {
      await (await reserve('call', to)).ended();
      await transfer;
    } else {
      await expect(reserve('call', to)).rejects.toEqual(refused('destination'));
      await expect(transfer).rejects.toBeInstanceOf(CallLimitError);
    }
  });

  it('is checked before a place is taken', async () => {
    const { reserve, limits } = limitsOf({ maxCalls: 1, destinations: [] });
    await expect(reserve('call')).rejects.toEqual(refused('destination'));
    expect(limits.usageOf(undefined).calls).toBe(0);
  });
});

describe('limits that cannot be', () => {
  it.each([
    [{ maxCalls: -1 }, /maxCalls must be a number, at least 0/],
    [{ maxMinutes: '60' }, /maxMinutes must be a number/],
    [{ destinations: '+49' }, /destinations must be a list of prefixes/],
    [{ maxCall: 1 }, /maxCall is not an option/],
  ])('are refused, and no call is placed: %j', async (limits, message) => {
    expect(() => limitsOf(limits as never)).toThrow(message);
    const { reserve } = limitsOf((() => limits) as never);
    await expect(reserve('call')).rejects.toThrow(InvalidOptionsError);
  });
});

it('InMemoryCallLimits remembers no tenant that has nothing to remember', async () => {
  const { reserve, limits } = limitsOf({ maxMinutes: 5 }, MINUTE_MS);
  for (let i = 0; i < 1_000; i++) {
    const call = await reserve('call', '+15550001', `tenant ${i}`);
    void call.answered();
    jest.advanceTimersByTime(1_000);
    await call.ended();
  }
  const { tenants } = limits as unknown as { tenants: Map<string, unknown> };
  expect(tenants.size).toBeLessThan(70);
});
