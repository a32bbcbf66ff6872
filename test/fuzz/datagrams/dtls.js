import fc from 'fast-check';
import { clientHello, endlessFragment } from '../../support/datagrams.js';
import { bits, edited, edits, hex, lengthError, mostly, uint } from './bytes.js';

/** ChangeCipherSpec, alerts, handshake, data, heartbeat, ACK, and none. */
const CONTENT = [20, 21, 22, 23, 24, 26, 0, 255];
const HANDSHAKE = [0, 1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 20, 99];
const VERSIONS = [0xfefd, 0xfeff, 0xfefc, 0x0303, 0];

const alert = fc.record({
  body: fc.constant('alert'),
  level: fc.constantFrom(1, 2, 0, 3),
  description: fc.oneof(fc.constantFrom(0, 10, 20, 40, 47, 100), bits(8)),
});
const handshake = fc.record({
  body: fc.constant('handshake'),
  type: fc.oneof(fc.constantFrom(...HANDSHAKE), bits(8)),
  sequence: fc.oneof(fc.integer({ min: 0, max: 15 }), bits(16)),
  value: fc.oneof(hex(60), hex(1_200)),
  lengthError,
  offset: mostly(0, bits(24), 3),
  partError: lengthError,
});
/** Of extensions by their types, lengths and values. */
const hello = fc.record({
  body: fc.constant('hello'),
  sequence: fc.integer({ min: 0, max: 3 }),
  version: fc.constantFrom(...VERSIONS),
  session: hex(40),
  cookie: fc.oneof(fc.constant(''), hex(60)),
  ciphers: fc.array(fc.oneof(fc.constantFrom(0xc02b, 0xc02f, 0xc009), bits(16)), { maxLength: 40 }),
  compression: hex(4),
  extensions: fc.array(
    fc.record({
      type: fc.oneof(fc.constantFrom(10, 11, 13, 14, 23, 0xff01, 21), bits(16)),
      value: fc.oneof(hex(12), hex(200)),
      lengthError,
    }),
    { maxLength: 12 },
  ),
  lengthError,
});
const record = fc.record({
  type: fc.oneof(fc.constantFrom(...CONTENT), bits(8)),
  version: mostly(0xfefd, fc.constantFrom(...VERSIONS)),
  epoch: fc.oneof(fc.constantFrom(0, 1, 2), bits(16)),
  sequence: fc.oneof(fc.integer({ min: 0, max: 20 }), bits(48)),
  content: fc.oneof(
    alert,
    handshake,
    hello,
    fc.record({ body: fc.constant('bytes'), value: fc.oneof(hex(40), hex(1_300)) }),
    fc.constant({ body: 'goodHello' }),
  ),
  lengthError,
});

/** Parts of messages that never become whole, in a burst of datagrams. */
export const fragments = fc.record({
  kind: fc.constant('fragments'),
  from: bits(16),
  count: fc.constantFrom(1, 50, 300),
  bytes: fc.constantFrom(1, 100, 1_000),
});

/** A datagram of DTLS records that nobody encrypted. */
export const dtls = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('dtls'),
      records: fc.oneof(
        { weight: 6, arbitrary: fc.array(record, { minLength: 1, maxLength: 3 }) },
        fc.array(record, { minLength: 8, maxLength: 30 }),
      ),
      edits,
    }),
  },
  fragments,
);

const vector = (bytes, lengthBytes) => Buffer.concat([uint(bytes.length, lengthBytes), bytes]);

function contentOf(given) {
  switch (given.body) {
    case 'alert':
      return Buffer.from([given.level, given.description]);
    case 'bytes':
      return Buffer.from(given.value, 'hex');
    case 'goodHello':
      return clientHello().subarray(13);
    case 'handshake': {
      const value = Buffer.from(given.value, 'hex');
      return Buffer.concat([
        uint(given.type, 1),
        uint(value.length + given.lengthError, 3),
        uint(given.sequence, 2),
        uint(given.offset, 3),
        uint(value.length + given.partError, 3),
        value,
      ]);
    }
    case 'hello': {
      const extensions = given.extensions.map(({ type, value, lengthError: error }) =>
        Buffer.concat([
          uint(type, 2),
          uint(value.length / 2 + error, 2),
          Buffer.from(value, 'hex'),
        ]),
      );
      const message = Buffer.concat([
        uint(given.version, 2),
        Buffer.alloc(32, 7),
        vector(Buffer.from(given.session, 'hex'), 1),
        vector(Buffer.from(given.cookie, 'hex'), 1),
        vector(Buffer.concat(given.ciphers.map((cipher) => uint(cipher, 2))), 2),
        vector(Buffer.from(given.compression, 'hex'), 1),
        vector(Buffer.concat(extensions), 2),
      ]);
      const length = uint(message.length + given.lengthError, 3);
      return Buffer.concat([
        Buffer.from([1]),
        length,
        uint(given.sequence, 2),
        uint(0, 3),
        length,
        message,
      ]);
    }
  }
}

/** Its datagrams. */
export function dtlsDatagrams(given) {
  if (given.kind === 'fragments') {
    const { from, count, bytes } = given;
    return Array.from({ length: count }, (_, i) => endlessFragment(from + i, bytes));
  }
  const records = given.records.map(
    ({ type, version, epoch, sequence, content, lengthError: error }) => {
      const body = contentOf(content);
      return Buffer.concat([
        uint(type, 1),
        uint(version, 2),
        uint(epoch, 2),
        uint(sequence, 6),
        uint(body.length + error, 2),
        body,
      ]);
    },
  );
  return [edited(Buffer.concat(records), given.edits)];
}
