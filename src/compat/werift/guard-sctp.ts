import type * as werift from 'werift';
import { isSoundSctp } from './sctp-packet.js';
import { expectMethods } from './werift-shape.js';

/** werift's SCTP, with untyped internals. */
interface Internals {
  handleData(data: Buffer): Promise<void>;
  readonly advertisedRwnd: number;
  readonly sackMisOrdered: ReadonlySet<number>;
  readonly sentQueue: readonly unknown[];
  readonly inboundStreams: Readonly<Record<string, { readonly reassembly: readonly unknown[] }>>;
}
interface ChannelInternals {
  readonly datachannelReceive: (...args: [number, number, Buffer]) => Promise<void>;
}

/** The most packets buffered behind a missing one; each arrival costs time for each of them. */
const MAX_MISORDERED = 2_000;
/** The most fragments of incomplete messages. */
const MAX_PARTS = 4_000;
/** The most data channels. One is used, so more are an error or an attack. */
const MAX_CHANNELS = 16;
/** The most streams with data. */
const MAX_STREAMS = 100;

/**
 * Guards werift's data channels (seen in 0.24.4): a malformed packet causes an unhandled rejection, which ends the process, or an endless loop, and
 * incomplete messages are kept without limit.
 *
 * @param fail called once for a client that exceeds the limits
 * @throws {Error} when werift's internals differ
 */
export function guardSctp(
  transport: werift.RTCSctpTransport,
  fail: (message: string) => void,
): void {
  const { sctp } = transport;
  const internals = sctp as unknown as Internals;
  expectMethods('SCTP', sctp, ['handleData']);
  expectMethods('SCTP transport', transport, ['datachannelReceive']);
  const handleData = internals.handleData.bind(sctp);
  internals.handleData = async (data) => {
    // Malformed packets are dropped, as SCTP requires.
    if (!isSoundSctp(data, internals.sentQueue.length)) return;
    await handleData(data).catch(() => undefined);
    const streams = Object.values(internals.inboundStreams);
    const parts = streams.reduce((sum, { reassembly }) => sum + reassembly.length, 0);
    if (
      internals.advertisedRwnd < 0 ||
      internals.sackMisOrdered.size > MAX_MISORDERED ||
      parts > MAX_PARTS ||
      streams.length > MAX_STREAMS
    ) {
      fail('The client sends messages without end.');
    }
    if (Object.keys(transport.dataChannels).length > MAX_CHANNELS) {
      fail('The client opens too many channels.');
    }
  };
  const receive = (transport as unknown as ChannelInternals).datachannelReceive;
  sctp.onReceive.allUnsubscribe();
  sctp.onReceive.subscribe((...args) => {
    receive(...args).catch(() => undefined);
  });
}
