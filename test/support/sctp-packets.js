import * as werift from 'werift';

/** An SCTP chunk, or a parameter of one with 16 bits of type. @param length what it says it is long, in bytes */
export function sctpChunk(
  type,
  value = Buffer.alloc(0),
  { flags = 0, length = 4 + value.length } = {},
) {
  const chunk = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  chunk.writeUInt8(type, 0);
  chunk.writeUInt8(flags, 1);
  chunk.writeUInt16BE(length, 2);
  value.copy(chunk, 4);
  return chunk;
}

/** A DATA chunk of an ordered message. @param flags 2 for its first part, 1 for its last */
export function sctpData(tsn, text, flags = 3, stream = 1) {
  const header = Buffer.alloc(12);
  header.writeUInt32BE(tsn >>> 0, 0);
  header.writeUInt16BE(stream, 4);
  header.writeUInt32BE(51, 8);
  return sctpChunk(0, Buffer.concat([header, Buffer.from(text)]), { flags });
}

/** A SACK chunk. @param gaps the first and the last of each */
export function sctpSack(cumulativeTsn, gaps) {
  const value = Buffer.alloc(12 + 4 * gaps.length);
  value.writeUInt32BE(cumulativeTsn >>> 0, 0);
  value.writeUInt32BE(100_000, 4);
  value.writeUInt16BE(gaps.length, 8);
  gaps.forEach(([first, last], i) => {
    value.writeUInt16BE(first, 12 + 4 * i);
    value.writeUInt16BE(last, 14 + 4 * i);
  });
  return sctpChunk(3, value);
}

export function sctpPacket(tag, chunks) {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(5_000, 0);
  header.writeUInt16BE(5_000, 2);
  header.writeUInt32BE(tag, 4);
  const packet = Buffer.concat([header, ...chunks]);
  packet.writeUInt32LE(werift.crc32c(packet), 8);
  return packet;
}
