import type * as werift from 'werift';

/** The parts of werift's SCTP that a client's packets go through; they are not in its types. */
interface Internals {
  handleData(data: Buffer): Promise<void>;
  readonly advertisedRwnd: number;
  readonly sackMisOrdered: ReadonlySet<number>;
}
interface ChannelInternals {
  readonly datachannelReceive: (...args: [number, number, Buffer]) => Promise<void>;
}

/** More packets than this do not wait for one that is missing; each that comes costs some time for each that waits. */
const MOST_MISORDERED = 2_000;
/** One channel is used; the rest is a mistake, or malice. */
const MOST_CHANNELS = 16;

/**
 * Stands between a client and werift's data channels (seen in 0.24.4): a packet that breaks the protocol rejects a promise that
 * nobody waits for, which ends the process; and there is no end to what is kept of messages that never become whole.
 *
 * @param fail told, once, of a client that sends more than an honest one would
 */
export function guardSctp(
  transport: werift.RTCSctpTransport,
  fail: (message: string) => void,
): void {
  const { sctp } = transport;
  const internals = sctp as unknown as Internals;
  const handleData = internals.handleData.bind(sctp);
  internals.handleData = async (data) => {
    // What breaks the protocol is dropped, as SCTP itself has it.
    await handleData(data).catch(() => undefined);
    if (internals.advertisedRwnd < 0 || internals.sackMisOrdered.size > MOST_MISORDERED) {
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
