import type * as werift from 'werift';
import { isSoundSctp } from './sctp-packet.js';
import { expectMethods } from './werift-shape.js';

/** The parts of werift's SCTP that a client's packets go through; they are not in its types. */
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

/** More packets than this do not wait for one that is missing; each that comes costs some time for each that waits. */
const MOST_MISORDERED = 2_000;
/** More parts of messages than this do not wait for the rest. */
const MOST_PARTS = 4_000;
/** One channel is used; the rest is a mistake, or malice. */
const MOST_CHANNELS = 16;
/** Streams that a channel could be on, and on which something came. */
const MOST_STREAMS = 100;

/**
 * Stands between a client and werift's data channels (seen in 0.24.4): a packet that breaks the protocol rejects a promise that
 * nobody waits for, which ends the process, or is read for ever; and there is no end to what is kept of messages that never become whole.
 *
 * @param fail told, once, of a client that sends more than an honest one would
 * @throws {Error} when werift is not as expected
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
    // What breaks the protocol is dropped, as SCTP itself has it.
    if (!isSoundSctp(data, internals.sentQueue.length)) return;
    await handleData(data).catch(() => undefined);
    const streams = Object.values(internals.inboundStreams);
    const parts = streams.reduce((sum, { reassembly }) => sum + reassembly.length, 0);
    if (
      internals.advertisedRwnd < 0 ||
      internals.sackMisOrdered.size > MOST_MISORDERED ||
      parts > MOST_PARTS ||
      streams.length > MOST_STREAMS
    ) {
      fail('The client sends messages without end.');
    }
    if (Object.keys(transport.dataChannels).length > MOST_CHANNELS) {
      fail('The client opens too many channels.');
    }
  };
  const receive = (transport as unknown as ChannelInternals).datachannelReceive;
  sctp.onReceive.allUnsubscribe();
  sctp.onReceive.subscribe((...args) => {
    receive(...args).catch(() => undefined);
  });
}
