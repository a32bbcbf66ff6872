import { describe, expect, it, jest } from '@jest/globals';
import * as werift from 'werift';
import { endTurnAllocations } from './end-turn-allocations.js';

const SERVER: werift.Address = ['127.0.0.1', 3_478];

/** A client of a subclass, as the class itself is changed once and for all, whose server lends an address for an hour. */
function client() {
  class TurnProtocol extends werift.TurnProtocol {}
  endTurnAllocations({ ...werift, TurnProtocol });
  const sent: werift.Message[] = [];
  const close = jest.fn(() => Promise.resolve());
  const transport = { type: 'udp', close };
  const turn = new TurnProtocol(SERVER, 'user', 'password', 3_600, transport as never);
  Object.assign(turn, {
    ...{ realm: 'realm', nonce: Buffer.from('nonce'), integrityKey: Buffer.from('key') },
    requestWithRetry: () => {
      const lent = new werift.Message(werift.methods.ALLOCATE, werift.classes.RESPONSE);
      return Promise.resolve([lent.setAttribute('LIFETIME', 3_600), SERVER]);
    },
    sendStun: (message: werift.Message) => Promise.resolve(void sent.push(message)),
  });
  return { turn, sent, close };
}

const timers = (): number =>
  process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;

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

  it('is refused when it is not as expected', () => {
    class TurnProtocol {}
    expect(() => endTurnAllocations({ ...werift, TurnProtocol: TurnProtocol as never })).toThrow(
      "werift's TURN client has no method connectionMade",
    );
  });
});
