import { createHash, createHmac, sign } from 'node:crypto';
import { URLSearchParams } from 'node:url';
import fc from 'fast-check';
import { request, requestBytes } from '../support/exchange.js';
import { KEYS, TELNYX_KEY } from '../support/keys.js';
import { hostileText, jsonLike } from '../support/mutate.js';

const FIELDS = [
  ['From', '+15550001'],
  ['To', '+15550002'],
  ['CallSid', 'CA1'],
  ['CallUUID', 'c1'],
  ['AccountSid', 'AC1'],
  ['SipHeader_X-a', 'b'],
];
const name = fc.oneof(fc.constantFrom('__proto__', 'constructor', '', 'a'), hostileText);
const fields = fc
  .tuple(
    fc.subarray(FIELDS),
    fc.array(fc.tuple(name, hostileText), { maxLength: 4 }),
    fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.nat(1_005), fc.nat(150_000)),
  )
  .map(([known, others, count]) => {
    const escaped = [...known, ...others].map((pair) =>
      pair.map((text) => encodeURIComponent(text.toWellFormed())).join('='),
    );
    return [...escaped, ...Array.from({ length: count }, (_, i) => `f${i}=${i % 9}`)]
      .join('&')
      .slice(0, 1_000_000);
  });
const TEMPLATE = { From: '+15550001', To: '+15550002', CallSid: 'CA1', data: { a: [1] } };

const sortedFields = (form) => {
  const byName = new Map();
  for (const [key, value] of new URLSearchParams(form)) {
    byName.set(key, [...(byName.get(key) ?? []), value]);
  }
  return [...byName.keys()].sort().map((key) => [key, byName.get(key).sort()]);
};

/** Signatures of the carriers, by their documentation. */
const SIGN = {
  twilio: (url, body) => {
    const { searchParams } = new URL(url);
    const text = searchParams.has('bodySHA256')
      ? ''
      : sortedFields(body)
          .flatMap(([key, values]) => [...new Set(values)].map((value) => key + value))
          .join('');
    const hmac = createHmac('sha1', KEYS.webhooks.twilio).update(url + text);
    return [['x-twilio-signature', hmac.digest('base64')]];
  },
  plivo: (url, body) => {
    const form = sortedFields(body)
      .flatMap(([key, values]) => values.map((value) => key + value))
      .join('');
    const text = `${url}${form ? '?' : ''}${form}.nonce`;
    const hmac = createHmac('sha256', KEYS.webhooks.plivo).update(text);
    return [
      ['x-plivo-signature-v3', hmac.digest('base64')],
      ['x-plivo-signature-v3-nonce', 'nonce'],
    ];
  },
  telnyx: (_, body) => {
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const signed = Buffer.from(`${timestamp}|${body}`);
    return [
      ['telnyx-signature-ed25519', sign(null, signed, TELNYX_KEY).toString('base64')],
      ['telnyx-timestamp', timestamp],
    ];
  },
  vonage: () => [],
  exotel: () => [],
  genesys: () => [],
};

/** Changes one header of a signature. */
const SPOILT = [
  (value) => value,
  (value) => value,
  (value) => value,
  () => undefined,
  () => '',
  (value) => value.slice(0, -2),
  (value) => `${value},${value}`,
  (value) => value.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
  (value) => `${value.slice(0, -1)} `,
  () => '='.repeat(10_000),
  () => `${'A,'.repeat(4_000)}A`,
  () => '-1',
  () => '1e999',
  () => 'NaN',
];

/** Webhooks of each carrier, with signatures that are right, or nearly so. */
export default {
  name: 'webhooks',
  parsers: [
    'http/form.js',
    'http/webhook-signature.js',
    'transports/telephony/incoming-calls.js',
    'transports/telephony/webhook-verifier.js',
    'transports/telephony/telephony-webhook.controller.js',
    'transports/telephony/carriers/received-request.js',
    'transports/telephony/carriers/call-parameters.js',
    'transports/telephony/carriers/twilio/twilio.signature.js',
    'transports/telephony/carriers/plivo/plivo.signature.js',
    'transports/telephony/carriers/telnyx/telnyx.signature.js',
    'transports/telephony/carriers/xml.js',
  ],

  async open(world) {
    return {
      input: fc.record({
        carrier: fc.constantFrom(
          'twilio',
          'plivo',
          'telnyx',
          'twilio',
          'plivo',
          'telnyx',
          'vonage',
          'exotel',
          'genesys',
        ),
        query: fc.constantFrom('', '', '', '?a=b', '?bodySHA256', '?a=1&a=2&b=%e9', '?'),
        isJson: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
        form: fields,
        json: jsonLike(TEMPLATE),
        spoilt: fc.tuple(fc.nat(SPOILT.length - 1), fc.nat(SPOILT.length - 1)),
        host: fc.oneof(
          { weight: 5, arbitrary: fc.constant('bot.example.com') },
          fc.constantFrom('a:80', '', 'x:443', '['),
        ),
      }),
      async send({ carrier, query, isJson, form, json, spoilt, host }) {
        const text = isJson ? json : form;
        const hash = createHash('sha256').update(text).digest('hex');
        const path = `/telephony/${carrier}${query.replace('bodySHA256', `bodySHA256=${hash}`)}`;
        const url = `https://${host === '[' ? 'x' : host || 'localhost'}${path}`;
        const signature = SIGN[carrier](url, text).flatMap(([header, value], i) => {
          const changed = SPOILT[spoilt[i]](value);
          return changed === undefined ? [] : [[header, changed]];
        });
        const type = isJson ? 'application/json' : 'application/x-www-form-urlencoded';
        const headers = [['host', host], ['content-type', type], ...signature];
        const body = Buffer.from(text);
        await request(world, requestBytes({ method: 'POST', path, headers, body }));
      },
      async close() {},
    };
  },
};
