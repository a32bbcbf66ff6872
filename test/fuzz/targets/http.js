import fc from 'fast-check';
import { breakOff, request, requestBytes } from '../support/exchange.js';
import { hostileText } from '../support/mutate.js';
import { keepSession } from '../support/socket.js';

/** Stands for the id of a session that is there. */
const ID = '00000000-0000-4000-8000-000000000000';
const PATHS = [
  '/start',
  '/status',
  '/livez',
  '/readyz',
  '/metrics',
  '/openapi.json',
  '/docs',
  '/docs/docs.css',
  '/client/',
  '/client/index.html',
  '/files',
  '/files/architecture.md',
  '/files/../package.json',
  '/sessions',
  '/sessions?limit=1&state=running',
  `/sessions/${ID}`,
  `/sessions/${ID}/api/offer`,
  `/sessions/${ID}/files`,
  `/sessions/${ID}/x/y?z=1`,
  '/api/offer',
  '/daily',
  '/daily-dialin-webhook',
  '/livekit-webhook',
  '/whatsapp?hub.mode=subscribe&hub.verify_token=verify&hub.challenge=1',
  '/telephony/twilio',
  '/telephony/vonage',
  '/telephony/nobody',
  '/telephony/documents/x',
  '/ws',
  '/ws-client',
  '/nowhere',
  '/',
  '*',
  '//',
];
/** Texts to put into a path. */
const PATH_PARTS = [
  '/',
  '//',
  '/.',
  '/..',
  '%2e%2e/',
  '%2f',
  '%',
  '%e9',
  '%00',
  '%c0%ae',
  ';a=b',
  '?',
  '&',
  '#',
  '\\',
  '~',
  '+',
  '\xff',
];

const METHODS = [
  'GET',
  'POST',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PUT',
  'SEARCH',
  'PROPFIND',
  'CONNECT',
  'get',
  'X',
];

const path = fc
  .record({
    base: fc.constantFrom(...PATHS),
    at: fc.nat(30),
    part: fc.oneof(
      { weight: 6, arbitrary: fc.constant('') },
      fc.constantFrom(...PATH_PARTS),
      hostileText.map((text) => encodeURI(text.toWellFormed())),
    ),
    times: fc.oneof({ weight: 6, arbitrary: fc.constant(1) }, fc.nat(3_000)),
    query: fc.oneof(
      { weight: 6, arbitrary: fc.constant('') },
      fc.constantFrom(
        '?',
        '?a',
        '?session_id=x',
        '?body=e30',
        '?__proto__=1',
        '?a[b]=1',
        '?limit=-1',
        '?bodySHA256=00',
      ),
      fc.nat(4_000).map((count) => `?${'a=1&'.repeat(count)}`),
    ),
  })
  .map(({ base, at, part, times, query }) => {
    const most = Math.min(times, Math.floor(15_000 / (part.length + 1)));
    return (base.slice(0, at) + part.repeat(most) + base.slice(at) + query).replace(/[\r\n ]/g, '');
  });

/** Values of a header, as Node takes them. */
const headerText = hostileText.map((text) =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/[\r\n\0]/g, '')
    .slice(0, 12_000),
);
const VALUES = {
  host: [
    'localhost',
    'a',
    '',
    'a:99999',
    '[::1]:1',
    'x'.repeat(12_000),
    '\x1b[31m'.repeat(2_400),
    'a b',
    'é',
    'a/b?c#d',
    'a@b',
  ],
  origin: ['https://app.example.com', 'null', '', 'x', 'https://é'],
  authorization: [
    'Bearer x',
    'bearer',
    'Basic eA==',
    'Bearer a.b.c',
    `Bearer ${'x'.repeat(10_000)}`,
  ],
  'content-type': [
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain',
    '',
    'a/b; charset=utf-16',
    'application/json; charset=x',
    'multipart/form-data; boundary=b',
  ],
  'content-encoding': ['identity', 'gzip', 'br', 'x', ''],
  'access-control-request-method': ['POST', 'X', ''],
  'access-control-request-headers': ['content-type', 'x'.repeat(5_000), ','],
  'x-forwarded-proto': ['https', 'ftp', 'https,http', '\x1b'],
  'x-forwarded-host': ['a', 'a,b', 'x'.repeat(5_000), '\x1b[2J\x9b'],
  'x-forwarded-for': ['1.2.3.4', 'x'],
  'if-none-match': ['*', 'W/"x"', '"'],
  'if-modified-since': ['x', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  range: ['bytes=0-1', 'bytes=-1', 'bytes=9-1', `bytes=${'0-1,'.repeat(2_000)}0-1`, 'x=1'],
  expect: ['100-continue', 'x'],
  upgrade: ['websocket', 'h2c'],
  connection: ['close', 'upgrade', 'keep-alive'],
  accept: ['text/html', 'application/json', '*/*;q=x', ',,,'],
  cookie: ['a=b', '=;=;'],
  'sec-websocket-key': ['x'],
};
const header = fc
  .constantFrom(...Object.keys(VALUES))
  .chain((name) =>
    fc
      .oneof({ weight: 4, arbitrary: fc.constantFrom(...VALUES[name]) }, headerText)
      .map((value) => [name, value]),
  );

const body = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '{}',
      '{"transport":"websocket"}',
      '[]',
      'a=b',
      '{"a":',
      '"',
      '\ufeff{}',
      ' ',
    ),
  },
  fc.nat(1_100_000).map((size) => ' '.repeat(size)),
  fc.constantFrom('[', '{"a":').chain((unit) => fc.nat(300).map((count) => unit.repeat(count))),
  fc.nat(150_000).map((count) => `[${'1,'.repeat(count)}1]`),
  hostileText,
);

/** A start behind a proxy that tells of another host: it is warned of once, with what the request says. */
const proxied = fc.record({
  method: fc.constant('POST'),
  path: fc.constant('/start'),
  hosts: fc.constant([['host', 'localhost']]),
  headers: fc
    .tuple(
      fc.constantFrom('x-forwarded-host', 'x-forwarded-proto'),
      fc.oneof(fc.constantFrom('\x9b2J', 'x'.repeat(5_000)), headerText),
    )
    .map((one) => [one]),
  times: fc.constant(1),
  body: fc.constant('{"transport":"websocket"}'),
  sending: fc.constant({ how: 'plain' }),
});

/** Chunked, in pieces of a size. */
function chunked(bytes, size) {
  const chunks = [];
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    chunks.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]);
}

/** Ways in which the body goes out, beside its true length. */
const sending = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ how: 'plain' }) },
  fc.record({ how: fc.constant('chunked'), size: fc.constantFrom(1, 7, 100, 65_536) }),
  // More than a body may have.
  fc.constant({ how: 'chunked', size: 65_536, fill: 1_200_000 }),
  fc.record({ how: fc.constant('pieces'), size: fc.constantFrom(1, 100) }),
  fc.record({
    how: fc.constant('length'),
    length: fc.constantFrom('0', '5', '-1', '1e3', '99999999', 'x', '1, 1'),
  }),
  fc.constant({ how: 'both' }),
  fc.constant({ how: 'broken' }),
);

/** The most pieces of a request that arrive apart. */
const MAX_PIECES = 300;

/** Every route, with any method, headers and bodies. */
export default {
  name: 'http',
  parsers: [
    // Other bodies are those that a host or a serverless platform has read before; this one reads none.
    { path: 'http/request-body.js', without: ['takeLeft'] },
    'http/body-stream.js',
    'http/http-request.js',
    'http/web-standard.js',
    'http/send-file.js',
    'http/intake/fastify-intake.js',
    'http/intake/runner-intake.js',
    'downloads/downloads.js',
    'sessions/sessions.controller.js',
    'sessions/session-api.controller.js',
  ],

  async open(world) {
    let session = await keepSession(world);
    return {
      idleSessions: 2,
      input: fc.oneof(
        {
          weight: 15,
          arbitrary: fc.record({
            method: fc.oneof(
              { weight: 6, arbitrary: fc.constantFrom('GET', 'POST') },
              { weight: 4, arbitrary: fc.constantFrom(...METHODS.slice(0, 6)) },
              fc.constantFrom(...METHODS),
            ),
            path,
            hosts: fc.oneof(
              { weight: 6, arbitrary: fc.constant([['host', 'localhost']]) },
              fc.constant([]),
            ),
            headers: fc.array(header, { maxLength: 5 }),
            /** Copies of the last header. */
            times: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, fc.nat(1_500)),
            body,
            sending,
          }),
        },
        proxied,
      ),
      async send({
        method,
        path: target,
        hosts,
        headers,
        times,
        body: text,
        sending: { how, size, length, fill },
      }) {
        const copies =
          headers.length > 0 ? Array.from({ length: times - 1 }, () => headers.at(-1)) : [];
        const all = [...hosts, ...headers, ...copies];
        const bytes = fill
          ? Buffer.alloc(fill, ' ')
          : text === undefined
            ? undefined
            : Buffer.from(text);
        if (how === 'chunked' || how === 'both') all.push(['transfer-encoding', 'chunked']);
        if (how === 'both') all.push(['content-length', '1']);
        if (how === 'length') all.push(['content-length', length]);
        const whole = requestBytes({
          method,
          path: target.replace(ID, session.id),
          headers: all,
          body:
            how === 'chunked'
              ? chunked((bytes ?? Buffer.alloc(0)).subarray(0, fill ?? 200_000), size)
              : bytes,
        });
        const step = Math.max(size ?? 0, Math.ceil(whole.length / MAX_PIECES));
        const count = how === 'pieces' ? Math.ceil(whole.length / step) : 1;
        const pieces = Array.from({ length: count }, (_, i) =>
          whole.subarray(i * step, (i + 1) * step),
        );
        if (how === 'broken') await breakOff(world, whole.subarray(0, -1));
        else await request(world, count === 1 ? whole : pieces);
        if (method === 'DELETE' && target.includes(ID)) {
          session.close();
          session = await keepSession(world);
        }
      },
      async close() {
        session.close();
      },
    };
  },
};
