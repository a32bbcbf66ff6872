import { attempt } from '../../errors/attempt.js';
import { setImmediate } from 'node:timers/promises';
import type * as werift from 'werift';
import { expectMethods, isFirstPatch } from './werift-shape.js';

/** werift's TURN client, with untyped internals. */
interface TurnClient extends Pick<
  werift.TurnProtocol,
  'server' | 'username' | 'realm' | 'nonce' | 'integrityKey' | 'lifetime'
> {
  channelRefreshTime: number;
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

/** Time after which a channel is bound again, in seconds. It renews the permission as well, which a server may end after 300 s (RFC 8656, section 9). */
const CHANNEL_REFRESH_SECONDS = 240;
/** Least and greatest lifetime of an allocation that a server is believed, in seconds. */
const LIFETIME_SECONDS = [2, 3_600] as const;
/** Parts of its lifetime after which an allocation is renewed, and tried again where that failed. */
const RENEW_AFTER = 5 / 6;
const RETRY_AFTER = 1 / 12;

/**
 * Refreshes and releases TURN allocations (seen in werift 0.24.4):
 *
 * - Releases the allocation on close: the refresh timer otherwise runs for minutes and keeps the process alive, and the server keeps the relayed
 *   address. Closes the sockets of allocations that are refused or not answered.
 * - Refreshes at a bounded rate, whatever lifetime the server grants: werift asks as fast as the server answers for one of 0, of weeks, or none.
 * - Renews channels before the permission of the peer ends.
 *
 * Patches the class, once, since werift creates the clients and starts the timer itself.
 * @throws {Error} when werift's internals differ
 */
export function endTurnAllocations({ TurnProtocol, Message, methods, classes }: Werift): void {
  const prototype = TurnProtocol.prototype as unknown as TurnClient;
  const used = ['connectionMade', 'close', 'sendStun', 'requestWithRetry'];
  expectMethods('TURN client', prototype, used);
  if (!isFirstPatch(prototype, 'endTurnAllocations')) return;
  const { connectionMade, close } = prototype;
  const timers = new WeakMap<TurnClient, NodeJS.Timeout>();
  const refreshFor = (lifetimeSeconds: number): werift.Message =>
    new Message(methods.REFRESH, classes.REQUEST).setAttribute('LIFETIME', lifetimeSeconds);

  prototype.connectionMade = function (this: TurnClient) {
    this.channelRefreshTime = CHANNEL_REFRESH_SECONDS;
    this.refresh = (lifetimeSeconds) => {
      let granted = believed(lifetimeSeconds, this.lifetime);
      const schedule = (afterSeconds: number): void => {
        const again = (): void => attempt(refresh, () => undefined);
        timers.set(this, setTimeout(again, afterSeconds * 1_000).unref());
      };
      const refresh = async (): Promise<void> => {
        const answer = await this.requestWithRetry(refreshFor(this.lifetime), this.server).then(
          ([message]) => message,
          () => undefined,
        );
        if (!timers.has(this)) return;
        if (answer) granted = believed(answer.getAttributeValue('LIFETIME'), this.lifetime);
        schedule(granted * (answer ? RENEW_AFTER : RETRY_AFTER));
      };
      schedule(granted * RENEW_AFTER);
    };
    return connectionMade.call(this).catch(async (refused: unknown) => {
      await this.close().catch(() => undefined);
      throw refused;
    });
  };

  prototype.close = async function (this: TurnClient) {
    clearTimeout(timers.get(this));
    if (timers.delete(this) && this.integrityKey) {
      const { username, realm, nonce } = this;
      const release = refreshFor(0)
        .setAttribute('USERNAME', username)
        .setAttribute('REALM', realm)
        .setAttribute('NONCE', nonce)
        .addMessageIntegrity(this.integrityKey)
        .addFingerprint();
      // Neither the answer is awaited, without which the allocation expires, nor a server that does not read.
      this.sendStun(release, this.server).catch(() => undefined);
      // A datagram leaves in a later tick, unless the socket is closed.
      await setImmediate();
    }
    await close.call(this);
  };
}

/** Returns the lifetime of an allocation, in seconds, within bounds. @param asked what counts where a server names none */
function believed(granted: unknown, asked: number): number {
  const [least, most] = LIFETIME_SECONDS;
  return Math.min(most, Math.max(least, typeof granted === 'number' ? granted : asked));
}
