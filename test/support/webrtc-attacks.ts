import type * as werift from 'werift';
import {
  clientHello,
  connectivityCheck,
  dtlsHandshake,
  dtlsRecord,
  endlessExtension,
  endlessFragment,
} from './datagrams.js';
import type { WebRtcClient } from './webrtc-client.js';

/** A socket of a client's. */
export interface ClientSocket {
  onData: (data: Buffer, from: werift.Address) => void;
  send: (data: Buffer, to: werift.Address) => Promise<void>;
}

/** Datagrams that a stranger can make. `userName` is the runner's, as everybody sees it who sees the client's checks. */
export const ATTACKS: [name: string, datagram: (userName: string) => Buffer][] = [
  ['an alert that the client leaves', () => dtlsRecord(21, Buffer.from([1, 0]))],
  ['an alert that says it is encrypted', () => dtlsRecord(21, Buffer.from([1, 0]), { epoch: 1 })],
  ['a record of an unknown type', () => dtlsRecord(30, Buffer.from([1, 0]))],
  ['a ClientHello', clientHello],
  ['a Finished in the clear', () => dtlsHandshake(20, Buffer.alloc(12))],
  ['RTP with an endless header extension', endlessExtension],
  ['RTCP that nobody signed', () => Buffer.from([0x81, 201, 0, 1, 0, 0, 0, 0])],
  ['one byte', () => Buffer.of(22)],
  ['nothing', () => Buffer.alloc(0)],
  ['a connectivity check that nobody signed', (userName) => connectivityCheck(`${userName}:x`)],
  [
    'a connectivity check with another password',
    (userName) => connectivityCheck(`${userName}:x`, 'x'),
  ],
];

export const iceOf = ({ pc }: WebRtcClient) => pc.iceTransports[0]!.connection;

/** Everything that a stranger can send to a client's call, once. */
export const attacksOn = (client: WebRtcClient): Buffer[] =>
  ATTACKS.map(([, datagram]) => datagram(iceOf(client).remoteUsername));

/** Address at which the runner has the call of a client. */
export function targetOf(client: WebRtcClient): werift.Address {
  const { nominated, remoteCandidates } = iceOf(client);
  const { host, port } = nominated?.remoteCandidate ?? remoteCandidates[0]!;
  return [host, port];
}

/** Sends from a client's own address. */
export function spoof(client: WebRtcClient, data: Buffer): Promise<void> {
  const { protocol } = iceOf(client).nominated! as unknown as {
    protocol: { transport: ClientSocket };
  };
  return protocol.transport.send(data, targetOf(client));
}

/** Sends 40,000 parts of messages that never become whole, as fast as they can be received. */
export async function floodFragments(send: (data: Buffer) => Promise<void>): Promise<void> {
  for (let i = 0; i < 40_000; i++) {
    await send(endlessFragment(i));
    if (i % 20 === 0) await new Promise(setImmediate);
  }
}
