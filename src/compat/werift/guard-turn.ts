import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type * as werift from 'werift';
import { expectMethods } from './werift-shape.js';

/** Where a TURN client's datagrams come in; not in werift's types. */
interface Transport {
  readonly type: string;
  onData: (data: Buffer, from: werift.Address) => void;
}

/**
 * Has a TURN client take datagrams from its server only (seen in werift 0.24.4): the server says in them which peer something is from,
 * so whoever can send to the socket could speak for any peer.
 *
 * @param turn a client whose allocation stands: its server is known by its address since the challenge that it met
 * @throws {Error} when werift is not as expected
 */
export function guardTurn(turn: Pick<werift.TurnProtocol, 'server'>): void {
  const { transport } = turn as unknown as { readonly transport: Transport };
  expectMethods('TURN transport', transport, ['onData']);
  // A stream has one other end.
  if (transport.type !== 'udp') return;
  let [host] = turn.server;
  const [, port] = turn.server;
  if (isIP(host) === 0) {
    // A server that lends to everybody made no challenge.
    lookup(host, 4).then(
      ({ address }) => (host = address),
      () => undefined,
    );
  }
  const receive = transport.onData;
  transport.onData = (data, from) => {
    if (from[0] === host && from[1] === port) receive(data, from);
  };
}
