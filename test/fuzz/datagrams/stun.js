import { createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { bits, edited, edits, hex, lengthError, mostly, uint } from './bytes.js';

const MAGIC_COOKIE = 0x2112a442;
/** Binding requests, indications, responses and errors, the methods of TURN, and none. */
const TYPES = [0x0001, 0x0011, 0x0101, 0x0111, 0x0003, 0x0004, 0x0008, 0x0016, 0x0017, 0x0115];
/** Of ICE, of TURN, of newer and of unknown ones. */
const ATTRIBUTES = [
  ...[0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x000c, 0x000d, 0x0012, 0x0013, 0x0014, 0x0015],
  ...[0x0016, 0x0019, 0x0020, 0x0024, 0x0025, 0x8022, 0x8023, 0x8028, 0x8029, 0x802a, 0x7fff],
];

const attribute = fc.oneof(
  fc.record({
    type: fc.oneof(fc.constantFrom(...ATTRIBUTES), bits(16)),
    value: fc.oneof(hex(24), hex(400)),
    lengthError,
  }),
  fc.record({
    user: fc.constantFrom('runner', 'runner:x', ':', '', '__proto__', 'constructor', 'toString:x'),
  }),
);

/** A STUN message. @param signed what of: nothing, a wrong password, the right one */
export const stun = (signed) =>
  fc.record({
    kind: fc.constant('stun'),
    type: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.constantFrom(...TYPES), bits(16)),
    cookie: mostly(MAGIC_COOKIE, bits(32)),
    transaction: hex(12, 12),
    user: mostly(true, fc.constant(false)),
    controls: mostly(true, fc.constant(false)),
    attributes: fc.oneof(
      { weight: 6, arbitrary: fc.array(attribute, { maxLength: 4 }) },
      fc.array(attribute, { minLength: 20, maxLength: 60 }),
    ),
    signed: fc.constantFrom(...signed),
    behind: mostly([], fc.array(attribute, { minLength: 1, maxLength: 2 })),
    fingerprint: mostly('right', fc.constantFrom('none', 'wrong')),
    lengthError,
    edits: edits,
  });

const attributeOf = (type, value, error = 0) =>
  Buffer.concat([
    uint(type, 2),
    uint(value.length + error, 2),
    value,
    Buffer.alloc((4 - (value.length % 4)) % 4),
  ]);

/** Its bytes. @param call `userName` is `<runner's ufrag>:<client's>`, `password` the runner's */
export function stunBytes(given, { userName, password }) {
  const attributes = given.attributes.map((one) =>
    one.user === undefined
      ? attributeOf(one.type, Buffer.from(one.value, 'hex'), one.lengthError)
      : attributeOf(0x0006, Buffer.from(one.user.replace('runner', userName.split(':')[0]))),
  );
  if (given.user) attributes.unshift(attributeOf(0x0006, Buffer.from(userName)));
  if (given.controls) {
    attributes.push(attributeOf(0x0024, uint(1_853_824_767, 4)));
    attributes.push(attributeOf(0x802a, Buffer.alloc(8, 0xff)));
  }
  let body = Buffer.concat(attributes);
  const messageOf = (bytes) =>
    Buffer.concat([
      uint(given.type, 2),
      uint(bytes, 2),
      uint(given.cookie, 4),
      Buffer.from(given.transaction, 'hex'),
      body,
    ]);
  const key = { right: password, wrong: 'somebody else’s', none: undefined }[given.signed];
  if (key !== undefined) {
    const mac = createHmac('sha1', key)
      .update(messageOf(body.length + 24))
      .digest();
    body = Buffer.concat([body, attributeOf(0x0008, mac)]);
  }
  for (const { type = 0x0006, value = '', lengthError: error } of given.behind) {
    body = Buffer.concat([body, attributeOf(type, Buffer.from(value, 'hex'), error)]);
  }
  if (given.fingerprint !== 'none') {
    const sum = crc32(messageOf(body.length + 8));
    body = Buffer.concat([
      body,
      attributeOf(0x8028, uint(sum ^ (given.fingerprint === 'right' ? 0x5354554e : 0), 4)),
    ]);
  }
  return edited(messageOf(body.length + given.lengthError), given.edits);
}
