import { afterEach, describe, expect, it, jest } from '@jest/globals';
import * as werift from 'werift';
import { endTurnAllocations } from './end-turn-allocations.js';

const SERVER: werift.Address = ['127.0.0.1', 3_478];

/** A client of a subclass, as the class itself is changed once and for all, whose server lends an address for a time, an hour by default. */
function client(lifetimes: readonly (number | undefined)[] = [3_600]) {
  class TurnProtocol extends werift.TurnProtocol {}
  endTurnAllocations({ ...werift, TurnProtocol });
  const sent: werift.Message[] = [];
  const requested: [method: number, lifetime: number][] = [];
  const close = jest.fn(() => Promise.resolve());
  const transport = { type: 'udp', close };
  const turn = new TurnProtocol(SERVER, 'user', 'password', 3_600, transport as never);
  Object.assign(turn, {
    ...{ realm: 'realm', nonce: Buffer.from('nonce'), integrityKey: Buffer.from('key') },
    requestWithRetry: (request: werift.Message) => {
      const lifetime = lifetimes[Math.min(requested.length, lifetimes.length - 1)];
      requested.push([request.messageMethod, request.getAttributeValue('LIFETIME') as number]);
      const lent = new werift.Message(werift.methods.ALLOCATE, werift.classes.RESPONSE);
      if (lifetime !== undefined) lent.setAttribute('LIFETIME', lifetime);
      return Promise.resolve([lent, SERVER]);
    },
    sendStun: (message: werift.Message) => Promise.resolve(void sent.push(message)),
  });
  return { turn, sent, requested, close };
}

const timers = (): number =>
  process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;

afterEach(() => void jest.useRealTimers());

describe('a TURN client of werift', () => {
  it('gives its address back when it is closed, and leaves no timer', async () => {
    const { turn, sent } = client();
    const before = timers();
    await turn.connectionMade();
    await turn.close();
    expect(timers()).toBeLessThanOrEqual(before);
    expect(sent.map(({ messageMethod }) => messageMethod)).toEqual([werift.methods.REFRESH]);
    expect(sent[0]!.getAttributeValue('LIFETIME')).toBe(0);
  });

  it('closes its socket when it is lent no address', async () => {
    const { turn, close } = client();
    Object.assign(turn, { requestWithRetry: () => Promise.reject(new Error('refused')) });
    await expect(turn.connectionMade()).rejects.toThrow('refused');
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('is closed although its server reads nothing', async () => {
    const { turn, close } = client();
    Object.assign(turn, { sendStun: () => new Promise(() => undefined) });
    await turn.connectionMade();
    await turn.close();
    expect(close).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['of 0 seconds', 0, 61],
    ['of 136 years', 2 ** 32 - 1, 3],
    ['that is not named', undefined, 2],
  ])('renews an allocation for a time %s at a bounded rate', async (_, lifetime, most) => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const { turn, requested } = client([lifetime]);
    await turn.connectionMade();
    await jest.advanceTimersByTimeAsync(100_000);
    expect(requested.length).toBeLessThanOrEqual(most);
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(requested.length).toBeGreaterThan(1);
    const [method, asked] = requested.at(-1)!;
    expect([method, asked]).toEqual([werift.methods.REFRESH, 3_600]);
    await turn.close();
  });

  it('renews an allocation before it ends, and tries again in time when that failed', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const { turn } = client([600]);
    await turn.connectionMade();
    const renew = jest.fn(() => Promise.reject(new Error('lost')));
    Object.assign(turn, { requestWithRetry: renew });
    await jest.advanceTimersByTimeAsync(499_000);
    expect(renew).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(2_000);
    expect(renew).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(renew).toHaveBeenCalledTimes(2);
    await turn.close();
  });

  it('binds its channels again before the permission of a peer ends, after 300 seconds', async () => {
    const { turn } = client();
    await turn.connectionMade();
    const { channelRefreshTime } = turn as unknown as { channelRefreshTime: number };
    expect(channelRefreshTime).toBeLessThan(300);
    await turn.close();
  });

  it('is refused when it is not as expected', () => {
    class TurnProtocol {}
    expect(() => endTurnAllocations({ ...werift, TurnProtocol: TurnProtocol as never })).toThrow(
      "werift's TURN client has no method connectionMade",
    );
  });
});
