import fc from 'fast-check';
import { request, requestBytes } from '../support/exchange.js';

const NAMES = ['From', 'To', 'CallSid', 'CallUUID', '__proto__', 'constructor', 'a', '', '%', '+'];
const name = fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 8 }));
const value = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.constantFrom('%', '%e9', '%ff%fe', '%00', '%ud800', '\ud800', '='),
  fc.string({ unit: 'binary', maxLength: 10 }),
);
const field = fc
  .tuple(name, value)
  .map(([one, other]) => `${one}=${encodeURI(other.toWellFormed())}`);
/** As many as fit, different or the same. */
const flood = fc
  .record({
    part: fc.oneof(field, fc.constantFrom('a&', '&', '+', '%', '%e9')),
    different: fc.boolean(),
  })
  .chain(({ part, different }) =>
    fc.integer({ min: 100, max: 1_048_576 }).map((bytes) => {
      const count = Math.ceil(bytes / (part.length + 4));
      const parts = Array.from(
        { length: count },
        (_, i) => part + (different ? i.toString(36) : ''),
      );
      return parts.join('&').slice(0, bytes);
    }),
  );

const body = fc.oneof(
  { weight: 4, arbitrary: fc.array(field, { maxLength: 60 }).map((fields) => fields.join('&')) },
  flood,
);

/** Forms, to the routes that take them. */
export default {
  name: 'forms',
  parsers: ['http/form.js'],

  async open(world) {
    return {
      input: fc.record({
        path: fc.constantFrom(
          '/telephony/twilio',
          '/telephony/plivo',
          '/telephony/telnyx',
          '/start',
          '/api/offer',
        ),
        body,
      }),
      async send({ path, body: form }) {
        const headers = [
          ['host', 'localhost'],
          ['content-type', 'application/x-www-form-urlencoded'],
          ['x-twilio-signature', Buffer.alloc(20).toString('base64')],
        ];
        await request(
          world,
          requestBytes({ method: 'POST', path, headers, body: Buffer.from(form) }),
        );
      },
      async close() {},
    };
  },
};
