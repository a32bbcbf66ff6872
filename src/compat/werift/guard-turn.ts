import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type * as werift from 'werift';
import { expectMethods } from './werift-shape.js';

/** TURN transport of werift, with untyped internals. */
interface Transport {
  readonly type: string;
  onData: (data: Buffer, from: werift.Address) => void;
}

/**
 * Restricts a TURN client to datagrams of its server (seen in werift 0.24.4). They name the peer of relayed data, so anyone who can send to the socket
 * could impersonate any peer.
 *
 * @param turn client with an allocation, whose server address is known since the challenge
 * @throws {Error} when werift's internals differ
 */
export function guardTurn(turn: Pick<werift.TurnProtocol, 'server'>): void {
  const { transport } = turn as unknown as { readonly transport: Transport };
  expectMethods('TURN transport', transport, ['onData']);
  // A stream has only one peer.
  if (transport.type !== 'udp') return;
  let [host] = turn.server;
  const [, port] = turn.server;
  if (isIP(host) === 0) {
    // A server without authentication sent no challenge.
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
