import type * as werift from 'werift';
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

/** RFC 9260, section 3. */
const COMMON_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 4;
const DATA = 0;
const DATA_HEADER_BYTES = 16;
const SACK = 3;
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
/** The most chunks that a late acknowledgement may still report. */
const MAX_STALE = 1_000;

/**
 * True for an SCTP packet that werift can parse in linear time and memory. It trusts the lengths of chunks and parameters (seen in 0.24.4): 0 causes an
 * endless loop.
 * @param unacknowledged number of our chunks that may be acknowledged
 */
export function isSoundSctp(packet: Buffer, unacknowledged: number): boolean {
  if (packet.length > MAX_PACKET_BYTES) return false;
  let reports = 0;
  for (const chunk of parts(packet, COMMON_HEADER_BYTES)) {
    if (!chunk) return false;
    const type = chunk[0]!;
    // Empty messages are invalid (RFC 9260, section 3.3.1).
    if (type === DATA && chunk.length <= DATA_HEADER_BYTES) return false;
    if (type === SACK) reports += reportedIn(chunk);
    if (reports > unacknowledged + MAX_STALE) return false;
    const at = PARAMETERS_AT.get(type);
    if (at !== undefined && [...parts(chunk, at)].includes(undefined)) return false;
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
