import fc from 'fast-check';
import { bits, edited, edits, hex, lengthError, mostly, uint } from './bytes.js';

const extension = fc.record({
  profile: fc.oneof(fc.constantFrom(0xbede, 0x1000, 0x100f), bits(16)),
  value: fc.oneof(hex(16), hex(300)),
  /** Of the length in words. */
  lengthError,
});

/** An RTP packet. */
export const rtp = fc.record({
  kind: fc.constant('rtp'),
  version: mostly(2, bits(2)),
  padding: mostly(0, bits(1)),
  sources: fc.array(bits(32), { maxLength: 15 }),
  sourcesError: mostly(0, bits(4)),
  marker: bits(1),
  payloadType: fc.oneof(fc.constantFrom(96, 97, 111, 0), bits(7)),
  sequence: bits(16),
  timestamp: bits(32),
  ssrc: fc.oneof(fc.integer({ min: 1, max: 20 }), bits(32)),
  extension: fc.option(extension, { nil: null }),
  payload: fc.oneof(hex(80), hex(1_100)),
  edits,
});

/** A compound RTCP packet: reports, descriptions, feedback (NACK, TWCC, PLI, REMB) and what is none. */
export const rtcp = fc.record({
  kind: fc.constant('rtcp'),
  packets: fc.oneof(
    { weight: 8, arbitrary: fc.array(reportOf(), { minLength: 1, maxLength: 4 }) },
    fc.array(reportOf(), { minLength: 20, maxLength: 100 }),
  ),
  edits,
});

function reportOf() {
  const type = fc.oneof(fc.constantFrom(200, 201, 202, 203, 204, 205, 206, 207), bits(8));
  const words = fc.oneof(
    hex(60),
    hex(400),
    // Feedback: sender, media, then NACKs, or TWCC's base, count, reference, and runs of 8,191.
    fc.record({ count: bits(16), runs: fc.integer({ min: 0, max: 200 }), run: bits(16) }),
    fc.record({ remb: bits(8), exponent: bits(8), more: hex(100) }),
  );
  return fc.record({
    version: mostly(2, bits(2)),
    padding: mostly(0, bits(1)),
    count: fc.oneof(fc.constantFrom(0, 1, 2, 15), bits(5)),
    type,
    body: words,
    lengthError: mostly(0, fc.oneof(fc.integer({ min: -5, max: 5 }), bits(16))),
  });
}

/** Parts of an RTP header, for one that is encrypted, and the packet in the clear. */
export function rtpBytes(given) {
  const { version, padding, sources, sourcesError, marker, payloadType } = given;
  const parts = [
    Buffer.from([
      (version << 6) |
        (padding << 5) |
        (given.extension ? 0x10 : 0) |
        ((sources.length + sourcesError) & 15),
      (marker << 7) | payloadType,
    ]),
    uint(given.sequence, 2),
    uint(given.timestamp, 4),
    uint(given.ssrc, 4),
    ...sources.map((source) => uint(source, 4)),
  ];
  if (given.extension) {
    const { profile, value, lengthError: error } = given.extension;
    const bytes = Buffer.from(value, 'hex');
    const words = Math.ceil(bytes.length / 4);
    parts.push(uint(profile, 2), uint(words + error, 2), bytes);
    parts.push(Buffer.alloc(words * 4 - bytes.length));
  }
  parts.push(Buffer.from(given.payload, 'hex'));
  return edited(Buffer.concat(parts), given.edits);
}

export function rtcpBytes(given) {
  const packets = given.packets.map(
    ({ version, padding, count, type, body, lengthError: error }) => {
      const bytes = bodyOf(body);
      const words = Math.ceil(bytes.length / 4);
      return Buffer.concat([
        Buffer.from([(version << 6) | (padding << 5) | count, type & 0xff]),
        uint(words + error, 2),
        bytes,
        Buffer.alloc(words * 4 - bytes.length),
      ]);
    },
  );
  return edited(Buffer.concat(packets).subarray(0, 1_200), given.edits);
}

function bodyOf(body) {
  if (typeof body === 'string') return Buffer.from(body, 'hex');
  const ids = Buffer.concat([uint(1, 4), uint(2, 4)]);
  if ('remb' in body) {
    const head = Buffer.from(`REMB${String.fromCharCode(body.remb, body.exponent)}`, 'latin1');
    return Buffer.concat([ids, head, Buffer.from(body.more, 'hex')]);
  }
  const runs = Array.from({ length: body.runs }, () => uint(body.run, 2));
  return Buffer.concat([ids, uint(0, 2), uint(body.count, 2), uint(0, 4), ...runs]);
}
