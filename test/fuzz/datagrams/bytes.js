import fc from 'fast-check';

/** Bytes as hexadecimal text, so that an input can be printed and replayed. */
export const hex = (maxLength, minLength = 0) =>
  fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes).toString('hex'));

/** A number of so many bits: small, large, at an edge, or any. */
export function bits(count) {
  const max = 2 ** count - 1;
  const edges = [0, 1, 2, 3, 4, max >>> 1, max - 3, max - 1, max];
  return fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...edges.filter((edge) => edge >= 0 && edge <= max)) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: Math.min(max, 64) }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max }) },
  );
}

/** The usual value, most of the time. */
export const mostly = (usual, other, weight = 8) =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });

/** Values of a length field beside the truth. */
export const lengthError = mostly(0, fc.oneof(fc.integer({ min: -20, max: 20 }), bits(16)), 9);

/** Changes of single bytes, behind the structure. `at` is in thousandths of the length. */
export const edits = mostly(
  [],
  fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 999 }),
      does: fc.constantFrom('set', 'insert', 'cut', 'repeat'),
      bytes: hex(8, 1),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  4,
);

/** Largest datagram, in bytes. */
const MAX_BYTES = 60_000;

export function edited(data, changes) {
  let result = Buffer.from(data);
  for (const { at, does, bytes } of changes) {
    const where = Math.floor((at * result.length) / 1_000);
    const given = Buffer.from(bytes, 'hex');
    const [before, after] = [result.subarray(0, where), result.subarray(where)];
    if (does === 'cut') result = before;
    if (does === 'insert') result = Buffer.concat([before, given, after]);
    if (does === 'set') result = Buffer.concat([before, given, after.subarray(given.length)]);
    if (does === 'repeat') result = Buffer.concat([before, ...Array(given[0]).fill(after)]);
    if (result.length > MAX_BYTES) result = result.subarray(0, MAX_BYTES);
  }
  return result;
}

/** Writes a number as so many bytes, whatever it is. */
export function uint(value, bytes) {
  const buffer = Buffer.alloc(bytes);
  const size = 2 ** (8 * bytes);
  buffer.writeUIntBE(((Math.trunc(value) % size) + size) % size, 0, bytes);
  return buffer;
}
