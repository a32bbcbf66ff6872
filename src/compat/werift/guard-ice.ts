import type * as werift from 'werift';
import { attempt } from '../../errors/attempt.js';
import { isAuthenticCheck, isStunError, stunClassOf, stunTransactionOf } from './stun-check.js';
import { expectMethods } from './werift-shape.js';

type Werift = Pick<typeof werift, 'CandidatePairState' | 'isMedia' | 'isRtcp'>;
type Receive = (data: Buffer, from: werift.Address) => void;

/** werift's UDP sockets and TURN clients, with untyped internals. */
interface Protocol {
  readonly transactions?: object;
  readonly turn?: werift.TurnProtocol;
  close?(): Promise<void>;
  datagramReceived?: Receive;
  handleStunMessage?: Receive;
}

/** werift's ICE agent, with untyped internals. */
interface Ice extends Pick<
  werift.Connection,
  'localUsername' | 'localPassword' | 'userHistory' | 'remoteCandidates' | 'checkIncoming' | 'state'
> {
  ensureProtocol(protocol: Protocol): void;
  checkComplete(pair: werift.CandidatePair): void;
  readonly protocols: readonly Protocol[];
  readonly earlyChecks: readonly unknown[];
  readonly checkList: readonly { readonly requestTransactionIds: Set<string> }[];
}

/** The most peer-reflexive candidates per ICE generation. */
const MAX_PEER_REFLEXIVE = 100;
/** The most connectivity checks queued until ICE starts. */
const MAX_EARLY_CHECKS = 100;
/** The most transactions per candidate pair that werift keeps, to count retransmissions. */
const MAX_TRANSACTIONS = 1_000;
/** The most checks of ours that the client refuses. werift repeats each one at once, and keeps those before. */
const MAX_REFUSALS = 100;
/** Largest RTCP datagram, in bytes: that of Ethernet. werift parses each of its packets up to the end of the datagram, in quadratic time. */
const MAX_RTCP_BYTES = 1_500;
/** The most verified addresses, the latest ones. */
const MAX_ADDRESSES = 100;

/**
 * Guards werift's ICE agent (seen in 0.24.4), which answers every request and accepts data from every address:
 *
 * - Verifies the MESSAGE-INTEGRITY of connectivity checks, which werift does not. A response must belong to a request of ours.
 * - Accepts DTLS, RTP and RTCP only from verified addresses: those of an authentic check or an answered check of ours. That includes the time
 *   before a pair is nominated, a change of pairs, and an ICE restart.
 *
 * All other datagrams are dropped before they are parsed, and the client's own are limited.
 * @throws {Error} when werift's internals differ, or its sockets are already open
 */
export function guardIce(
  { CandidatePairState, isMedia, isRtcp }: Werift,
  connection: werift.RTCIceTransport['connection'],
): void {
  const ice = connection as unknown as Ice;
  expectMethods('ICE agent', ice, ['ensureProtocol', 'checkComplete', 'checkIncoming']);
  if (ice.protocols.length > 0) throw new Error('The sockets of ICE are open already.');
  const addresses = new Set<string>();
  const prove = (address: werift.Address): void => {
    const key = address.join(' ');
    addresses.delete(key);
    addresses.add(key);
    if (addresses.size > MAX_ADDRESSES) addresses.delete(addresses.values().next().value!);
  };

  const passwordOf = (ufrag: string): string | undefined => {
    const { localUsername, localPassword, userHistory } = ice;
    if (ufrag === localUsername) return localPassword;
    // During an ICE restart the client continues with the previous generation.
    return Object.hasOwn(userHistory, ufrag) ? userHistory[ufrag] : undefined;
  };
  const hasRoomFor = ([host, port]: werift.Address): boolean => {
    if (ice.earlyChecks.length >= MAX_EARLY_CHECKS) return false;
    if (ice.remoteCandidates.some((one) => one.host === host && one.port === port)) return true;
    const found = ice.remoteCandidates.filter(({ type }) => type === 'prflx');
    return found.length < MAX_PEER_REFLEXIVE;
  };
  let refusals = 0;
  const admits = (protocol: Protocol, data: Buffer, from: werift.Address): boolean => {
    switch (stunClassOf(data)) {
      case 'request':
        if (!isAuthenticCheck(data, passwordOf) || !hasRoomFor(from)) return false;
        prove(from);
        return true;
      case 'response': {
        const { transactions } = protocol.turn ?? protocol;
        if (!transactions || !Object.hasOwn(transactions, stunTransactionOf(data))) return false;
        return !isStunError(data) || ++refusals <= MAX_REFUSALS;
      }
      case 'indication':
        return false;
      default:
        if (!addresses.has(from.join(' '))) return false;
        if (!isMedia(data)) return true;
        return isRtcp(data) ? data.length <= MAX_RTCP_BYTES : hasSoundExtension(data);
    }
  };

  const ensureProtocol = ice.ensureProtocol.bind(ice);
  ice.ensureProtocol = (protocol) => {
    const entry = protocol.turn ? 'handleStunMessage' : 'datagramReceived';
    expectMethods('ICE protocol', protocol, [entry]);
    const receive = protocol[entry]!.bind(protocol);
    protocol[entry] = (data, from) => {
      if (admits(protocol, data, from)) receive(data, from);
    };
    ensureProtocol(protocol);
    // werift does not close what it opens after its own end, such as a socket that waited for a TURN server.
    if (ice.state === 'closed')
      attempt(
        () => protocol.close?.(),
        () => undefined,
      );
  };
  const checkComplete = ice.checkComplete.bind(ice);
  ice.checkComplete = (pair) => {
    if (pair.state === CandidatePairState.SUCCEEDED) prove(pair.remoteAddr);
    checkComplete(pair);
  };
  const checkIncoming = ice.checkIncoming.bind(ice);
  ice.checkIncoming = (...check) => {
    checkIncoming(...check);
    for (const { requestTransactionIds } of ice.checkList) {
      if (requestTransactionIds.size > MAX_TRANSACTIONS) requestTransactionIds.clear();
    }
  };
}

/** RFC 3550, section 5. */
const FIXED_HEADER_BYTES = 12;
const EXTENSION_HEADER_BYTES = 4;
/** Largest header extension, in bytes. None is negotiated, so peers need no larger one. */
const MAX_EXTENSION_BYTES = 256;

/**
 * True for an RTP packet whose header extension is short and within the packet. werift (seen in 0.24.4) trusts its length before the packet is
 * authenticated, in quadratic time: 40 bytes block it for more than a minute.
 */
export function hasSoundExtension(packet: Buffer): boolean {
  const first = packet[0]!;
  if ((first & 0x10) === 0) return true;
  const at = FIXED_HEADER_BYTES + 4 * (first & 0x0f);
  if (at + EXTENSION_HEADER_BYTES > packet.length) return false;
  const bytes = 4 * packet.readUInt16BE(at + 2);
  return bytes <= MAX_EXTENSION_BYTES && at + EXTENSION_HEADER_BYTES + bytes <= packet.length;
}
