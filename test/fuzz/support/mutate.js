// Arbitraries that begin with what is valid and change it: in its structure, in its text, in its bytes.
import fc from 'fast-check';

/** Texts that mean something somewhere, or should not. */
export const HOSTILE_TEXTS = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\r\n',
  'a\r\nx-injected: 1',
  '\u001b[31m',
  '\u2028',
  '\ud800',
  '\udc00\ud800',
  '%',
  '%00',
  '%ff',
  '../../etc/passwd',
  '..%2f..%2f',
  '"]}<script>&amp;\'',
  '-1',
  '1e309',
  '9'.repeat(400),
  'NaN',
  'true',
  'data:,x',
  'AAAA',
  'A',
  '☎'.repeat(100),
  'x'.repeat(70_000),
];

export const hostileText = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

const HOSTILE_VALUES = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  1e300,
  [],
  {},
  [null],
  [[[]]],
  { length: -1 },
  { length: 1e9 },
  { toString: 1 },
  { toString: null, valueOf: null },
  { toJSON: 1 },
  { then: 1 },
  { type: {}, event: [] },
];

const hostileValue = fc.oneof(
  fc.constantFrom(...HOSTILE_VALUES),
  hostileText,
  fc.integer(),
  fc.double(),
);

const mutation = fc.record({
  at: fc.nat(1_000),
  how: fc.constantFrom('replace', 'number', 'drop', 'add', 'rename', 'nest', 'grow', 'copy'),
  number: fc.oneof(fc.constantFrom(0, -1, 1.5, 2 ** 31, 2 ** 53 - 1, 1e300, '1e9'), fc.integer()),
  value: hostileValue,
  name: fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', ''), hostileText),
  count: fc.oneof(fc.nat(8), fc.nat(300), fc.nat(60_000)),
});

const TEXT_HOWS = ['cut', 'insert', 'escape', 'spaces', 'double', 'twice'];
const textMutation = fc.record({
  how: fc.constantFrom(...TEXT_HOWS),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  text: fc.oneof(fc.constantFrom(...'{}[]",:\\0'), fc.constantFrom('\\u0000', '\\ud800', '\\"')),
  count: fc.oneof(fc.constant(1), fc.nat(1_000), fc.nat(200_000)),
});

/** The largest text that is made, in characters. */
const MAX_TEXT = 1_000_000;

/**
 * The text of a JSON value like one of the templates, mostly changed.
 * @param templates valid values, from a function that returns a copy
 */
export const jsonLike = (...templates) =>
  fc
    .record({
      template: fc.constantFrom(...templates),
      mutations: fc.array(mutation, { maxLength: 4 }),
      texts: fc.oneof(
        { weight: 4, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.array(textMutation, { minLength: 1, maxLength: 2 }) },
      ),
    })
    .map(({ template, mutations, texts }) => textLike(template, mutations, texts));

function textLike(template, mutations, texts) {
  const root = { root: structuredClone(template) };
  for (const one of mutations) mutate(root, one);
  // A value that was grown is in many places, and what was put into it later as well.
  const value = left(root.root, 2 * MAX_TEXT) > 0 ? root.root : template;
  const text = JSON.stringify(value) ?? '';
  return texts.reduce(mutateText, text).slice(0, MAX_TEXT);
}

/** Returns what a value leaves of so many characters; looks no further once none are left. */
function left(value, characters) {
  if (typeof value === 'string') return characters - value.length;
  if (typeof value !== 'object' || value === null) return characters - 1;
  for (const key of Object.keys(value)) {
    characters = left(value[key], characters - key.length - 1);
    if (characters <= 0) break;
  }
  return characters;
}

/** Every place in a value, as its holder and key. */
function* placesIn(holder, depth = 0) {
  for (const key of Object.keys(holder)) {
    yield [holder, key];
    const value = holder[key];
    if (typeof value === 'object' && value !== null && depth < 20)
      yield* placesIn(value, depth + 1);
  }
}

const sizeOf = (value) => (typeof value === 'string' ? value.length + 3 : 8);

const isNumeric = (value) =>
  typeof value === 'number' || (typeof value === 'string' && /^\d{1,9}$/.test(value));

const MAX_PLACES = 1_000;
function place(root, at, isWanted = () => true) {
  const places = [];
  for (const [holder, key] of placesIn(root)) {
    if (isWanted(holder[key]) && places.push([holder, key]) === MAX_PLACES) break;
  }
  return places[at % places.length];
}

/** Sets a field of its own, whatever its name. A list has no field `length`, as far as JSON knows. */
function define(holder, key, value) {
  if (Array.isArray(holder) && key === 'length') return;
  Object.defineProperty(holder, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function mutate(root, { at, how, value: shared, name, count, number }) {
  if (Object.keys(root).length === 0) return;
  // The same value may be in the text already, and must not come to hold itself.
  const value = structuredClone(shared);
  const [holder, key] = place(root, at);
  const old = holder[key];
  switch (how) {
    case 'replace':
      return define(holder, key, value);
    case 'number': {
      const [other, field] = place(root, at, isNumeric) ?? [holder, key];
      return define(other, field, number);
    }
    case 'drop':
      return void (holder !== root && delete holder[key]);
    case 'add':
      return typeof old === 'object' && old !== null && define(old, name, value);
    case 'rename':
      if (holder === root) return;
      delete holder[key];
      return define(holder, name, old);
    case 'nest': {
      let nested = old;
      for (let i = 0; i < Math.min(count, 400); i++) nested = i % 2 ? [nested] : { [key]: nested };
      return define(holder, key, nested);
    }
    case 'grow':
      if (typeof old === 'string') {
        return define(holder, key, old.repeat(Math.min(count, MAX_TEXT / (old.length + 1))));
      }
      return define(
        holder,
        key,
        Array.from({ length: Math.min(count, MAX_TEXT / sizeOf(value)) }, () => value),
      );
    default: {
      const [, other] = place(root, at + count);
      // A copy, since a value may not hold itself.
      return define(holder, other, structuredClone(old));
    }
  }
}

function mutateText(text, { how, at, text: piece, count }) {
  const index = Math.floor(at * text.length);
  switch (how) {
    case 'cut':
      return text.slice(0, index);
    case 'insert':
      return text.slice(0, index) + piece.repeat(count) + text.slice(index);
    case 'escape':
      return text.replace(/[a-z]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
    case 'spaces':
      return ' '.repeat(count) + text.replaceAll(',', ', \n');
    case 'double':
      return text + text;
    default:
      // Each name twice, of which the last counts.
      return text.replace(/("[^"\\]*":)("[^"\\]*"|\d+)/g, '$10,$1$2');
  }
}

const byteMutation = fc.record({
  how: fc.constantFrom('flip', 'cut', 'insert', 'drop', 'repeat', 'number'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  byte: fc.nat(255),
  count: fc.oneof(fc.nat(4), fc.nat(1_000), fc.nat(100_000)),
});

/** Bytes like those that an arbitrary makes, mostly changed. */
export const bytesLike = (arbitrary, maxLength = 1_048_576) =>
  fc
    .tuple(
      arbitrary,
      fc.oneof(fc.constant([]), {
        weight: 2,
        arbitrary: fc.array(byteMutation, { minLength: 1, maxLength: 4 }),
      }),
    )
    .map(([bytes, mutations]) => mutations.reduce(mutateBytes, bytes).subarray(0, maxLength));

function mutateBytes(bytes, { how, at, byte, count }) {
  const index = Math.floor(at * bytes.length);
  const [before, after] = [bytes.subarray(0, index), bytes.subarray(index)];
  switch (how) {
    case 'flip': {
      const flipped = Buffer.from(bytes);
      if (flipped.length > 0) flipped[index] ^= byte;
      return flipped;
    }
    case 'cut':
      return before;
    case 'insert':
      return Buffer.concat([before, Buffer.alloc(count, byte), after]);
    case 'drop':
      return Buffer.concat([before, after.subarray(count)]);
    case 'repeat': {
      const piece = after.subarray(0, 1 + byte);
      const times = Math.min(count, Math.floor(1_048_576 / (piece.length + 1)));
      return Buffer.concat([before, ...Array.from({ length: times }, () => piece), after]);
    }
    default: {
      const number = Buffer.alloc(4);
      number.writeUInt32BE(0xffffffff - byte);
      return Buffer.concat([before, number, after.subarray(4)]);
    }
  }
}

/** Text with a line or a part of one changed, as of SDP and of headers. */
export const linesLike = (separator, ...templates) =>
  fc
    .record({
      template: fc.constantFrom(...templates),
      mutations: fc.array(
        fc.record({
          at: fc.nat(1_000),
          how: fc.constantFrom('drop', 'double', 'swap', 'grow', 'value', 'text', 'number'),
          text: hostileText,
          number: fc.oneof(fc.integer(), fc.constantFrom(0, -1, 65_536, 2 ** 32, 1e20)),
          count: fc.oneof(fc.nat(5), fc.nat(5_000)),
        }),
        { maxLength: 5 },
      ),
    })
    .map(({ template, mutations }) => {
      const lines = template.split(separator);
      for (const one of mutations) mutateLines(lines, one);
      return lines.join(separator);
    });

function mutateLines(lines, { at, how, text, number, count }) {
  const index = at % lines.length;
  const line = lines[index];
  switch (how) {
    case 'drop':
      return lines.splice(index, 1);
    case 'double':
      return lines.splice(index, 0, line);
    case 'swap': {
      const other = (index + count) % lines.length;
      [lines[index], lines[other]] = [lines[other], line];
      return;
    }
    case 'grow':
      return lines.splice(index, 0, ...Array.from({ length: count }, (_, i) => `${line}${i % 7}`));
    case 'value':
      return void (lines[index] = line.replace(/[:=].*$/, (found) => `${found[0]}${text}`));
    case 'number':
      return void (lines[index] = line.replace(/\d+/, String(number)));
    default:
      return void (lines[index] = text);
  }
}
