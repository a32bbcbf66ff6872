import { attempt } from '../../errors/attempt.js';
import { setImmediate } from 'node:timers/promises';
import type * as werift from 'werift';
import { expectMethods } from './werift-shape.js';

/** werift's TURN client, with untyped internals. */
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
 * Releases TURN allocations on close (seen in werift 0.24.4): the refresh timer otherwise runs for minutes and keeps the process alive, and the server
 * keeps the relayed address. Closes the sockets of allocations that are refused or not answered. Patches the class, once, since werift creates the clients and starts the timer itself.
 * @throws {Error} when werift's internals differ
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
    return connectionMade.call(this).catch(async (refused: unknown) => {
      await this.close().catch(() => undefined);
      throw refused;
    });
  };

  prototype.close = async function (this: TurnClient) {
    clearTimeout(timers.get(this));
    // Not awaited: without an answer the allocation expires.
    if (timers.delete(this) && this.integrityKey) {
      const { username, realm, nonce } = this;
      const release = refreshFor(0)
        .setAttribute('USERNAME', username)
        .setAttribute('REALM', realm)
        .setAttribute('NONCE', nonce)
        .addMessageIntegrity(this.integrityKey)
        .addFingerprint();
      await this.sendStun(release, this.server).catch(() => undefined);
      // A datagram leaves in a later tick, unless the socket is closed.
      await setImmediate();
    }
    await close.call(this);
  };
}
