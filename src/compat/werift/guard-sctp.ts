import { setImmediate } from 'node:timers/promises';
import type * as werift from 'werift';
import { expectMethods } from './werift-shape.js';

/** werift's SCTP, with untyped internals. */
interface Internals {
  handleData(data: Buffer): Promise<void>;
  markReceived(tsn: number): boolean;
  lastReceivedTsn: number;
  readonly advertisedRwnd: number;
  readonly sackMisOrdered: Set<number>;
  readonly sackDuplicates: number[];
  readonly sentQueue: readonly unknown[];
  readonly outboundQueue: readonly unknown[];
  readonly inboundStreams: Readonly<Record<string, { readonly reassembly: readonly unknown[] }>>;
}
type Message = [stream: number, protocol: number, data: Buffer];
interface ChannelInternals {
  readonly datachannelReceive: (...message: Message) => Promise<void>;
  readonly dataChannelQueue: readonly unknown[];
  dataChannelFlush(): Promise<void>;
}

/** The most packets buffered behind a missing one; each arrival costs time for each of them. */
const MAX_MISORDERED = 2_000;
/** The most fragments of incomplete messages. */
const MAX_PARTS = 4_000;
/** The most data channels at a time. One is used, so more are an error or an attack. */
const MAX_CHANNELS = 16;
/** The most data channels one after the other: werift keeps those that are closed. */
const MAX_OPENED = 100;
/** The most streams with data. */
const MAX_STREAMS = 100;
/** The most packets that wait for their turn. Others are dropped, as by a full socket buffer. */
const MAX_WAITING = 100;
/** The most messages and parts of ours that wait for the client. */
const MAX_UNSENT = 10_000;
/** Time of a client's packets and messages per turn of the event loop. */
const MS_PER_TURN = 10;

/**
 * Guards werift's data channels (seen in 0.24.4): a malformed packet causes an unhandled rejection, which ends the process, or an endless loop,
 * incomplete messages and closed channels are kept without limit, and each message that waits for the client is looked at for each other one.
 *
 * Packets are handled one after the other, with turns of the event loop for others.
 * @param fail called for a client that exceeds the limits
 * @returns true while too many messages wait for the client
 * @throws {Error} when werift's internals differ
 */
export function guardSctp(
  transport: werift.RTCSctpTransport,
  fail: (message: string) => void,
): () => boolean {
  const { sctp } = transport;
  const internals = sctp as unknown as Internals;
  const channels = transport as unknown as ChannelInternals;
  expectMethods('SCTP', sctp, ['handleData', 'markReceived']);
  expectMethods('SCTP transport', transport, ['datachannelReceive', 'dataChannelFlush']);
  const isFull = (): boolean =>
    channels.dataChannelQueue.length + internals.outboundQueue.length + internals.sentQueue.length >
    MAX_UNSENT;

  const handleData = internals.handleData.bind(sctp);
  const receive = channels.datachannelReceive;
  const packets: Buffer[] = [];
  const messages: Message[] = [];
  const rest = turns();
  let isBusy = false;
  const work = async (): Promise<void> => {
    isBusy = true;
    for (let packet = packets.shift(); packet; packet = packets.shift()) {
      await handleData(packet).catch(() => undefined);
      for (const message of messages.splice(0)) {
        receive(...message).catch(() => undefined);
        await rest();
      }
      const problem = problemOf(internals, transport);
      if (problem !== undefined) fail(problem);
      if (isFull()) fail(NOT_TAKEN);
      await rest();
    }
    isBusy = false;
  };
  internals.handleData = async (data) => {
    // Malformed packets are dropped, as SCTP requires.
    if (packets.length >= MAX_WAITING || !isSoundSctp(data, internals.sentQueue.length)) return;
    packets.push(data);
    if (!isBusy) await work();
  };
  internals.markReceived = (tsn) => markReceived(internals, tsn);
  sctp.onReceive.allUnsubscribe();
  sctp.onReceive.subscribe((...message) => messages.push(message));

  let opened = 0;
  transport.onDataChannel.subscribe(() => {
    if (++opened > MAX_OPENED) fail(TOO_MANY_CHANNELS);
  });

  // Called for each message and acknowledgement; one of these sends them all.
  const flush = channels.dataChannelFlush.bind(transport);
  let isFlushing = false;
  let again = false;
  const flushAll = async (): Promise<void> => {
    isFlushing = true;
    do {
      again = false;
      await flush().catch(() => undefined);
    } while (again);
    isFlushing = false;
  };
  channels.dataChannelFlush = async () => {
    again = true;
    // Not awaited: it may wait for the next acknowledgement of the client.
    if (!isFlushing) void flushAll();
  };
  return isFull;
}

/** End of a client that has its messages wait. */
export const NOT_TAKEN = 'The client does not take its messages.';
const TOO_MANY_CHANNELS = 'The client opens too many channels.';

/** Returns the limit that a client exceeds. */
function problemOf(
  { advertisedRwnd, sackMisOrdered, inboundStreams }: Internals,
  { dataChannels }: werift.RTCSctpTransport,
): string | undefined {
  const streams = Object.values(inboundStreams);
  const parts = streams.reduce((sum, { reassembly }) => sum + reassembly.length, 0);
  if (
    advertisedRwnd < 0 ||
    sackMisOrdered.size > MAX_MISORDERED ||
    parts > MAX_PARTS ||
    streams.length > MAX_STREAMS
  ) {
    return 'The client sends messages without end.';
  }
  return Object.keys(dataChannels).length > MAX_CHANNELS ? TOO_MANY_CHANNELS : undefined;
}

/** Returns a function to be awaited between steps, which gives others a turn of the event loop once the steps have taken long. */
function turns(): () => Promise<void> | undefined {
  let startedMs = performance.now();
  return () => {
    if (performance.now() - startedMs < MS_PER_TURN) return undefined;
    return setImmediate().then(() => void (startedMs = performance.now()));
  };
}

/**
 * Notes the number of a packet; werift sorts and copies all that came too early, each time, and sorts them as text.
 * @returns true for one that came before
 */
function markReceived(sctp: Internals, tsn: number): boolean {
  const { sackMisOrdered: early, sackDuplicates } = sctp;
  if (isUpTo(tsn, sctp.lastReceivedTsn) || early.has(tsn)) {
    sackDuplicates.push(tsn);
    return true;
  }
  early.add(tsn);
  const next = (): number => (sctp.lastReceivedTsn + 1) % 2 ** 32;
  while (early.delete(next())) sctp.lastReceivedTsn = next();
  return false;
}

/** True for a number that is not after another, as these begin again after the largest. */
const isUpTo = (tsn: number, last: number): boolean => (last - tsn) >>> 0 < 2 ** 31;

/** RFC 9260, section 3. */
const COMMON_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 4;
const DATA = 0;
const DATA_HEADER_BYTES = 16;
const SACK = 3;
const FORWARD_TSN = 192;
const SACK_HEADER_BYTES = 16;
/** Chunk types with parameters, and the offset of these, in bytes. */
const PARAMETERS_AT = new Map([
  [1, 20], // INIT
  [2, 20], // INIT ACK
  [4, 4], // HEARTBEAT
  [5, 4], // HEARTBEAT ACK
  [6, 4], // ABORT
  [9, 4], // ERROR
  [130, 4], // RE-CONFIG
]);
/** Largest packet, in bytes: more than one Ethernet frame. */
const MAX_PACKET_BYTES = 4_096;
/** The most chunks of a packet: more than there are messages of one byte in an Ethernet frame. Most are answered, each by a packet. */
const MAX_CHUNKS = 100;
/** The most parameters of a chunk; each of a RE-CONFIG, which may have two, is answered by a packet. */
const MAX_PARAMETERS = 20;
/** The most chunks that a late acknowledgement may still report. */
const MAX_STALE = 1_000;

/**
 * True for an SCTP packet that werift can parse in linear time and memory. It trusts the lengths of chunks and parameters (seen in 0.24.4): 0 causes an
 * endless loop.
 * @param unacknowledged number of our chunks that may be acknowledged
 */
export function isSoundSctp(packet: Buffer, unacknowledged: number): boolean {
  if (packet.length > MAX_PACKET_BYTES) return false;
  let [chunks, forwards, reports] = [0, 0, 0];
  for (const chunk of parts(packet, COMMON_HEADER_BYTES)) {
    if (!chunk || ++chunks > MAX_CHUNKS) return false;
    const type = chunk[0]!;
    // Each makes werift sort all that came too early; a sender has only one for a packet (RFC 3758, section 3.5).
    if (type === FORWARD_TSN && ++forwards > 1) return false;
    // Empty messages are invalid (RFC 9260, section 3.3.1).
    if (type === DATA && chunk.length <= DATA_HEADER_BYTES) return false;
    if (type === SACK) reports += reportedIn(chunk);
    if (reports > unacknowledged + MAX_STALE) return false;
    const at = PARAMETERS_AT.get(type);
    const parameters = at === undefined ? [] : [...parts(chunk, at)];
    if (parameters.length > MAX_PARAMETERS || parameters.includes(undefined)) return false;
  }
  return true;
}

/** Iterates over the chunks of a packet, or the parameters of a chunk. Ends with `undefined` for an invalid length. */
function* parts(of: Buffer, start: number): Generator<Buffer | undefined> {
  for (let at = start; at + CHUNK_HEADER_BYTES <= of.length;) {
    const end = at + of.readUInt16BE(at + 2);
    const sound = end >= at + CHUNK_HEADER_BYTES && end <= of.length;
    yield sound ? of.subarray(at, end) : undefined;
    if (!sound) return;
    at += Math.ceil((end - at) / 4) * 4;
  }
}

/** Returns the number of chunks that a SACK reports in gap blocks. */
function reportedIn(sack: Buffer): number {
  if (sack.length < SACK_HEADER_BYTES) return Infinity;
  const [gaps, duplicates] = [sack.readUInt16BE(12), sack.readUInt16BE(14)];
  if (SACK_HEADER_BYTES + 4 * (gaps + duplicates) > sack.length) return Infinity;
  let count = 0;
  for (let i = 0; i < gaps; i++) {
    const at = SACK_HEADER_BYTES + 4 * i;
    count += Math.max(0, sack.readUInt16BE(at + 2) - sack.readUInt16BE(at)) + 1;
  }
  return count;
}
