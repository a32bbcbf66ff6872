import fc from 'fast-check';

/** Text of so many characters, written in short. {@link expanded} writes it out. */
export const long = (count) => `\u00a7${count}\u00a7`;
export const expanded = (text) =>
  text.replace(/\u00a7(\d+)\u00a7/g, (_, count) => 'x'.repeat(Number(count)));

/** Values that are no text of at most so many characters. */
const noText = (limit) => [
  1,
  {},
  { toString: 1 },
  { toString: 1, valueOf: 1 },
  [],
  true,
  long(limit + 1),
];
const noChoice = ['constructor', '__proto__', '', 0, null, { toString: 1 }, ['failed']];
const noCount = [-1, -1, -1, -0.5, 1.5, 1e12, '1', null, {}, { valueOf: 1 }];

const text = (limit) => ({
  good: fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.constantFrom('', long(limit), '\u001b[2J\r\n\u202ex'),
  ),
  bad: fc.constantFrom(...noText(limit)),
});
const choice = (...good) => ({ good: fc.constantFrom(...good), bad: fc.constantFrom(...noChoice) });
const optional = ({ good, bad }) => ({ good: fc.option(good, { nil: undefined }), bad });
const REASON = 4_096;
const LOG_TEXT = 65_536;

const stats = (broken) => {
  const count = fc.integer({ min: 0, max: 1_000_000_000 });
  const counts = { audioIn: count, audioOut: count, unread: count, overflowed: count };
  const malformed = fc.dictionary(fc.string({ maxLength: 5 }), count, { maxKeys: 5 });
  const good = fc.record({ ...counts, malformed });
  if (!broken) return good;
  return fc.oneof(
    fc
      .tuple(good, fc.constantFrom(...Object.keys(counts)), fc.constantFrom(...noCount))
      .map(([one, key, value]) => ({ ...one, [key]: value })),
    fc
      .tuple(good, fc.constantFrom(...noCount))
      .map(([one, value]) => ({ ...one, malformed: { kind: value } })),
    fc.constantFrom(1, [], 'x', {}, { malformed: 1 }),
  );
};

/** Fields of each message, with those that are and are not within bounds. */
const FIELDS = {
  loaded: {
    routes: optional({
      good: fc.array(fc.string({ maxLength: 10 }), { maxLength: 5 }),
      bad: fc.constantFrom(1, {}, [1], [long(1_001)], Array(101).fill('x')),
    }),
  },
  ready: {
    certFingerprints: optional({
      good: fc.array(fc.constant('ab'.repeat(32)), { maxLength: 3 }),
      bad: fc.constantFrom(1, {}, ['x'], [long(64)], Array(11).fill('ab'.repeat(32))),
    }),
  },
  log: {
    level: choice('verbose', 'debug', 'log', 'warn', 'error', 'fatal'),
    message: text(LOG_TEXT),
  },
  stop: {
    code: choice('completed', 'failed', 'peer_left', 'peer_error', 'stopped'),
    message: text(REASON),
  },
  leaving: { message: text(REASON) },
  hang_up: {},
  transfer: { target: text(REASON), callerId: optional(text(REASON)) },
  done: { stats: optional({ good: stats(false), bad: stats(true) }) },
  failed: { message: text(REASON), stack: optional(text(LOG_TEXT)) },
  answer: {
    id: { good: fc.integer(), bad: fc.constantFrom('1', {}, [], true) },
    error: { good: fc.string({ maxLength: 20 }), bad: fc.constantFrom(...noText(REASON)) },
  },
  peer: { state: choice('connected', 'left', 'silent', 'failed') },
  terminate: {},
  requests: {},
};

const jsonOf = (fields) => JSON.stringify(fields);
const goodFields = (type) =>
  fc
    .record(Object.fromEntries(Object.entries(FIELDS[type]).map(([key, { good }]) => [key, good])))
    .map((fields) => ({ type, ...fields }));

const goodMessage = fc.constantFrom(...Object.keys(FIELDS)).chain(goodFields);
/** One field is out of bounds, or several. */
const badMessage = fc
  .constantFrom(
    ...Object.keys(FIELDS).filter((type) => Object.keys(FIELDS[type]).length > 0),
    // It has the most fields.
    ...['done', 'done', 'done'],
  )
  .chain((type) =>
    fc
      .constantFrom(...Object.keys(FIELDS[type]))
      .chain((key) =>
        fc
          .tuple(goodFields(type), FIELDS[type][key].bad)
          .map(([fields, value]) => ({ ...fields, [key]: value })),
      ),
  );
const noMessage = fc.oneof(
  fc.constantFrom(
    '',
    'null',
    '1',
    '"x"',
    '[]',
    '{',
    '{"type":7}',
    '{"type":{"toString":1}}',
    '\u0000',
  ),
  fc.string({ maxLength: 30 }),
  fc.constant(`{"type":"x","more":"${long(600_000)}"}`),
  fc
    .constantFrom('[', '{"a":', '"')
    .chain((unit) => fc.integer({ min: 1, max: 20_000 }).map((count) => unit.repeat(count))),
);
/** Ignored, as of newer programs. */
const unknownMessage = fc.constantFrom(
  '{"type":"__proto__"}',
  '{"type":"constructor"}',
  '{"type":"toString","__proto__":{}}',
  '{"type":"hasOwnProperty"}',
);

/** A line for which the process has to be ended. */
export const brokenLine = badMessage.map((fields) => ({ text: jsonOf(fields), isBroken: true }));

/** Lines of the control channel. `isBroken` for those for which the process has to be ended, whatever else it says. */
export const line = fc.oneof(
  {
    weight: 5,
    arbitrary: goodMessage.map((fields) => ({ text: jsonOf(fields), isBroken: false })),
  },
  { weight: 5, arbitrary: brokenLine },
  {
    weight: 2,
    arbitrary: noMessage.map((one) => ({
      text: one.replaceAll('\n', ''),
      isBroken: !isMessage(one),
    })),
  },
  { weight: 1, arbitrary: unknownMessage.map((one) => ({ text: one, isBroken: false })) },
);

function isMessage(one) {
  try {
    return typeof JSON.parse(one)?.type === 'string' && one.length < 500_000;
  } catch {
    return false;
  }
}
