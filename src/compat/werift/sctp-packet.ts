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
 *
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
