import { lookup } from 'node:dns/promises';
import type * as werift from 'werift';
import { expectMethods, isFirstPatch } from './werift-shape.js';

/** werift's TURN client, with untyped internals. */
interface TurnClient {
  server: werift.Address;
  readonly transport: {
    readonly type: string;
    /** Of TCP and TLS. */
    readonly stream?: {
      readonly client: { readonly remoteAddress?: string; readonly remotePort?: number };
    };
    close(): Promise<void>;
  };
  readonly tcpBuffer: Buffer;
  connectionMade: () => Promise<void>;
  dataReceived: (data: Buffer, from: werift.Address) => void;
  handleSTUNMessage: (data: Buffer, from: werift.Address) => void;
}

/** Largest STUN message of a TURN server, in bytes: a datagram of Ethernet in a Data indication. werift reads its addresses in quadratic time. */
const MAX_STUN_BYTES = 2_000;
/** Largest frame of a TURN server over TCP, in bytes: a header and a length of 16 bits. */
const MAX_FRAME_BYTES = 20 + 65_536;

/**
 * Guards TURN clients of werift (seen in 0.24.4), before the server has allocated anything:
 *
 * - Accepts datagrams of the server only. They name the peer of relayed data, so anyone who can send to the socket could impersonate any peer.
 * - Drops STUN messages that are too large, before they are parsed.
 * - Closes a connection that does not contain frames of TURN, which werift would buffer without end.
 * - Resolves the name of the server once. werift resolves it for each request, and ignores the response of any other of its addresses, as of the one
 *   that a connection was made to, or waits for a response to an IPv6 address that its IPv4 socket cannot send to.
 *
 * Patches the class, once.
 * @throws {Error} when werift's internals differ
 */
export function guardTurn({ TurnProtocol }: Pick<typeof werift, 'TurnProtocol'>): void {
  const prototype = TurnProtocol.prototype as unknown as TurnClient;
  expectMethods('TURN client', prototype, ['connectionMade', 'dataReceived', 'handleSTUNMessage']);
  if (!isFirstPatch(prototype, 'guardTurn')) return;
  const { connectionMade, dataReceived, handleSTUNMessage } = prototype;

  prototype.connectionMade = async function (this: TurnClient) {
    this.server = await addressOf(this);
    await connectionMade.call(this);
  };
  prototype.dataReceived = function (this: TurnClient, data, from) {
    const { server, transport } = this;
    if (transport.type === 'udp' && (from[0] !== server[0] || from[1] !== server[1])) return;
    dataReceived.call(this, data, from);
    if (this.tcpBuffer.length > MAX_FRAME_BYTES) void transport.close();
  };
  prototype.handleSTUNMessage = function (this: TurnClient, data, from) {
    if (data.length <= MAX_STUN_BYTES) handleSTUNMessage.call(this, data, from);
  };
}

/** Returns the address of a TURN server. werift's UDP sockets are of IPv4. */
async function addressOf({ server, transport }: TurnClient): Promise<werift.Address> {
  const [host, port] = server;
  if (transport.type === 'udp') return [(await lookup(host, 4)).address, port];
  const { remoteAddress = host, remotePort = port } = transport.stream?.client ?? {};
  return [remoteAddress, remotePort];
}
