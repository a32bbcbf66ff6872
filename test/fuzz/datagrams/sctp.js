import fc from 'fast-check';
import { sctpChunk, sctpPacket } from '../../support/sctp-packets.js';
import { bits, edited, edits, hex, lengthError, mostly, uint } from './bytes.js';

/** Distance from the next number of the sender's, or of the receiver's. */
const near = fc.oneof(
  fc.constantFrom(0, 1, 2, -1),
  fc.integer({ min: -3_000, max: 3_000 }),
  bits(32),
);
const parameters = fc.array(
  fc.record({
    type: fc.oneof(fc.constantFrom(7, 13, 14, 15, 16, 17, 18), bits(16)),
    value: hex(40),
    lengthError,
  }),
  { maxLength: 4 },
);
const flags = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 7), bits(8));

const chunk = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constant('data'),
      flags,
      tsn: near,
      stream: fc.oneof(fc.constantFrom(0, 1, 2, 3), bits(16)),
      order: fc.oneof(fc.constantFrom(0, 1, 2), bits(16)),
      protocol: fc.oneof(fc.constantFrom(50, 51, 53, 56, 57), bits(32)),
      value: fc.oneof(hex(40), hex(1_000), channelMessage()),
      lengthError,
    }),
  },
  fc.record({
    is: fc.constant('sack'),
    tsn: near,
    window: bits(32),
    gaps: fc.array(fc.tuple(bits(16), bits(16)), { maxLength: 60 }),
    duplicates: fc.array(bits(32), { maxLength: 10 }),
    countError: mostly(0, bits(16)),
    lengthError,
  }),
  fc.record({
    is: fc.constantFrom('init', 'initAck'),
    tag: bits(32),
    window: bits(32),
    streams: fc.tuple(bits(16), bits(16)),
    tsn: bits(32),
    parameters,
    lengthError,
  }),
  fc.record({
    is: fc.constant('forward'),
    tsn: near,
    streams: fc.array(fc.tuple(bits(16), bits(16)), { maxLength: 30 }),
    lengthError,
  }),
  fc.record({
    is: fc.constantFrom('heartbeat', 'heartbeatAck', 'error', 'reconfig'),
    flags,
    parameters,
    lengthError,
  }),
  fc.record({
    is: fc.constant('any'),
    type: fc.oneof(
      // ABORT, SHUTDOWN (ACK, COMPLETE), COOKIE ECHO and ACK.
      fc.constantFrom(6, 7, 8, 10, 11, 14),
      bits(8),
    ),
    flags,
    value: hex(60),
    lengthError,
  }),
);

/** Data Channel Establishment: type, channel type, priority, reliability, lengths of label and protocol. */
function channelMessage() {
  return fc
    .record({
      type: fc.constantFrom(3, 2, 1),
      channel: fc.oneof(fc.constantFrom(0, 1, 2, 0x80, 0x81), bits(8)),
      reliability: bits(32),
      label: bits(16),
      protocol: bits(16),
      text: hex(30),
    })
    .map(({ type, channel, reliability, label, protocol, text }) =>
      Buffer.concat([
        Buffer.from([type, channel, 0, 0]),
        uint(reliability, 4),
        uint(label, 2),
        uint(protocol, 2),
        Buffer.from(text, 'hex'),
      ]).toString('hex'),
    );
}

/** An SCTP packet of an authenticated client. */
export const sctp = fc.record({
  kind: fc.constant('sctp'),
  tag: mostly('right', bits(32), 12),
  chunks: fc.oneof(
    { weight: 8, arbitrary: fc.array(chunk, { minLength: 1, maxLength: 4 }) },
    fc.array(chunk, { minLength: 10, maxLength: 40 }),
  ),
  edits,
});

const CHUNK_TYPES = {
  ...{ data: 0, init: 1, initAck: 2, sack: 3, heartbeat: 4, heartbeatAck: 5, error: 9 },
  ...{ reconfig: 130, forward: 192 },
};

function valueOf(given, state) {
  switch (given.is) {
    case 'data':
      return Buffer.concat([
        uint(state.nextTsn + given.tsn, 4),
        uint(given.stream, 2),
        uint(given.order, 2),
        uint(given.protocol, 4),
        Buffer.from(given.value, 'hex'),
      ]);
    case 'sack':
      return Buffer.concat([
        uint(state.receivedTsn + given.tsn, 4),
        uint(given.window, 4),
        uint(given.gaps.length + given.countError, 2),
        uint(given.duplicates.length, 2),
        ...given.gaps.flat().map((end) => uint(end, 2)),
        ...given.duplicates.map((tsn) => uint(tsn, 4)),
      ]);
    case 'init':
    case 'initAck':
      return Buffer.concat([
        uint(given.tag, 4),
        uint(given.window, 4),
        ...given.streams.map((count) => uint(count, 2)),
        uint(given.tsn, 4),
        parametersOf(given.parameters),
      ]);
    case 'forward':
      return Buffer.concat([
        uint(state.nextTsn + given.tsn, 4),
        ...given.streams.flat().map((number) => uint(number, 2)),
      ]);
    case 'any':
      return Buffer.from(given.value, 'hex');
    default:
      return parametersOf(given.parameters);
  }
}

const parametersOf = (list) =>
  Buffer.concat(
    list.map(({ type, value, lengthError: error }) =>
      Buffer.concat([
        uint(type, 2),
        uint(4 + value.length / 2 + error, 2),
        Buffer.from(value, 'hex'),
        Buffer.alloc((4 - ((value.length / 2) % 4)) % 4),
      ]),
    ),
  );

/** Its bytes. @param state `tag` of the runner, `nextTsn` of the client, `receivedTsn` of the runner's */
export function sctpBytes(given, state) {
  const chunks = given.chunks.map((one) => {
    const value = valueOf(one, state);
    const length = (value.length + 4 + one.lengthError) & 0xffff;
    return sctpChunk(one.type ?? CHUNK_TYPES[one.is], value, { flags: one.flags ?? 0, length });
  });
  return edited(sctpPacket(given.tag === 'right' ? state.tag : given.tag, chunks), given.edits);
}
