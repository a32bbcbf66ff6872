import { attempt } from '../../errors/attempt.js';
import { setImmediate } from 'node:timers/promises';
import type * as werift from 'werift';
import { expectMethods } from './werift-shape.js';

/** werift's TURN client, with the parts that are not in its types. */
interface TurnClient extends Pick<
  werift.TurnProtocol,
  'server' | 'username' | 'realm' | 'nonce' | 'integrityKey'
> {
  connectionMade: () => Promise<void>;
  close: () => Promise<void>;
  refresh: (lifetimeSeconds: number) => void;
  sendStun(message: werift.Message, to: werift.Address): Promise<void>;
  requestWithRetry(
    request: werift.Message,
    server: werift.Address,
  ): Promise<[werift.Message, werift.Address]>;
}

type Werift = Pick<typeof werift, 'TurnProtocol' | 'Message' | 'methods' | 'classes'>;

const DONE = Symbol('DONE');

/**
 * Has werift's TURN clients leave nothing behind (seen in 0.24.4): after closing, the timer of their next refresh goes on for minutes and
 * keeps the process from ending, and the server keeps the address that it lent them. Changes the class, once, for werift makes them
 * itself, and starts the timer before anybody else sees them.
 * @throws {Error} when werift is not as expected
 */
export function endTurnAllocations({ TurnProtocol, Message, methods, classes }: Werift): void {
  const prototype = TurnProtocol.prototype as unknown as TurnClient & { [DONE]?: true };
  if (prototype[DONE]) return;
  const used = ['connectionMade', 'close', 'sendStun', 'requestWithRetry'];
  expectMethods('TURN client', prototype, used);
  prototype[DONE] = true;
  const { connectionMade, close } = prototype;
  const timers = new WeakMap<TurnClient, NodeJS.Timeout>();
  const refreshFor = (lifetimeSeconds: number): werift.Message =>
    new Message(methods.REFRESH, classes.REQUEST).setAttribute('LIFETIME', lifetimeSeconds);

  prototype.connectionMade = function (this: TurnClient) {
    this.refresh = (lifetimeSeconds) => {
      const refresh = async (): Promise<void> => {
        const next = await this.requestWithRetry(refreshFor(lifetimeSeconds), this.server).then(
          ([answer]) => answer.getAttributeValue('LIFETIME') as number,
          () => lifetimeSeconds,
        );
        if (timers.has(this)) this.refresh(next);
      };
      const again = (): void => attempt(refresh, () => undefined);
      timers.set(this, setTimeout(again, (5 / 6) * lifetimeSeconds * 1_000).unref());
    };
    return connectionMade.call(this);
  };

  prototype.close = async function (this: TurnClient) {
    clearTimeout(timers.get(this));
    // An answer is not waited for: without, the server lets go of it later.
    if (timers.delete(this) && this.integrityKey) {
      const { username, realm, nonce } = this;
      const release = refreshFor(0)
        .setAttribute('USERNAME', username)
        .setAttribute('REALM', realm)
        .setAttribute('NONCE', nonce)
        .addMessageIntegrity(this.integrityKey)
        .addFingerprint();
      await this.sendStun(release, this.server).catch(() => undefined);
      // A datagram leaves a moment after it is sent, unless the socket is closed.
      await setImmediate();
    }
    await close.call(this);
  };
}
