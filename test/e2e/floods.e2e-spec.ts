import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FloodedHost } from '../support/flooded-host.js';
import { BROWSER_OFFER as OFFER } from '../support/offers.js';
import { connect, PLATFORMS } from '../support/runner-app.js';

/** Bodies are this long, the most that is read unless a host says otherwise. */
const BODY_BYTES = 1_048_576;
/** The loop may be held so long. On an idle machine it is some 50 ms at most; where time is not linear, it is seconds. */
const MOST_MS = 250;

/** Every route that takes a body, as it is in the OpenAPI document. */
const ROUTES = [
  'POST /start',
  'POST /api/offer',
  'PATCH /api/offer',
  'POST /sessions/{id}/api/offer',
  'PATCH /sessions/{id}/api/offer',
  'POST /sessions/{id}/files',
  'POST /telephony/documents/{id}',
  'POST /telephony/{carrier}',
  'POST /daily-dialin-webhook',
  'POST /livekit-webhook',
  'POST /whatsapp',
];

/** Signatures that are none, but look like it: whoever checks them has to take the whole body. */
const SIGNED = {
  'x-twilio-signature': Buffer.alloc(20).toString('base64'),
  'x-plivo-signature-v3': Buffer.alloc(32).toString('base64'),
  'x-plivo-signature-v3-nonce': '1',
  'telnyx-signature-ed25519': Buffer.alloc(64).toString('base64'),
  'x-pinless-signature': Buffer.alloc(32).toString('base64'),
  'x-hub-signature-256': `sha256=${'0'.repeat(64)}`,
  authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJrZXkifQ.AAAA',
};
const signed = () => ({
  ...SIGNED,
  'telnyx-timestamp': String(Math.floor(Date.now() / 1_000)),
  'x-pinless-timestamp': String(Date.now()),
});

/** As many as fit. */
const repeated = (part: string, before = '', after = ''): string =>
  before + part.repeat((BODY_BYTES - before.length - after.length) / part.length) + after;

/** Different ones, as many as fit, or as `most` says. @param partOf makes one of a short text */
function different(
  partOf: (text: string) => string,
  before = '',
  after = '',
  most = Infinity,
): string {
  const parts: string[] = [];
  let left = BODY_BYTES - before.length - after.length - 100;
  for (let i = 0; left > 0 && i < most; i++) {
    const part = partOf(i.toString(36));
    parts.push(part);
    left -= part.length;
  }
  return before + parts.join('') + after;
}

const FORMS: [string, string][] = [
  ['different fields', different((name) => `${name}&`)],
  ['40,000 different fields', different((name) => `${name}&`).slice(0, 159_000)],
  ['a field over and over', repeated('a&')],
  ['nothing but separators', repeated('&')],
  ['a field of pluses', repeated('+')],
  ['a field of percent signs', repeated('%')],
  ['a field of broken escapes', repeated('%e9')],
  ['a thousand long fields', `${`${'+'.repeat(500)}=${'%e2%98%8e'.repeat(60)}&`.repeat(999)}x`],
  ['a field that is a prototype', repeated('__proto__=1&')],
];

const JSONS: [string, string][] = [
  ['numbers', repeated('0,', '[', '0]')],
  ['objects', repeated('{},', '[', '0]')],
  ['lists', repeated('[],', '[', '0]')],
  ['objects with different keys', different((key) => `{"${key}":0},`, '[', '0]')],
  ['different keys', different((key) => `"${key}":0,`, '{', '"x":0}')],
  ['as many different keys as may be', different((key) => `"${key}":0,`, '{', '"x":0}', 49_990)],
  [
    'as many objects with different keys as may be',
    different((key) => `{"${key}":0},`, '[', '0]', 24_990),
  ],
  ['a key over and over', repeated('"a":0,', '{', '"a":0}')],
  ['deep lists', repeated(`${'['.repeat(190)}${']'.repeat(190)},`, '[', '0]')],
  ['deep objects', repeated(`${'{"a":'.repeat(190)}0${'}'.repeat(190)},`, '[', '0]')],
  ['brackets that are never closed', repeated('[')],
  ['quotation marks', repeated('"')],
  ['backslashes', repeated('\\\\', '"', '"')],
  ['backslashes before quotation marks', repeated('\\\\\\"', '"', '"')],
  ['escapes', repeated('\\u0000', '"', '"')],
  ['one number', repeated('1')],
  ['spaces', repeated(' ', '', '{}')],
  ...['sip', 'permissions', 'recordings_bucket', 'streaming_endpoints'].map(
    (field): [string, string] => [
      `a list as ${field} of a Daily room`,
      repeated('0,', `{"transport":"daily","dailyRoomProperties":{"${field}":[`, '0]}}'),
    ],
  ),
  ...['dailyRoomProperties', 'dailyMeetingTokenProperties'].map((field): [string, string] => [
    `as many keys of ${field} as may be`,
    different(
      (key) => `"${key}":0,`,
      `{"transport":"daily","createDailyRoom":true,"${field}":{`,
      '"x":0}}',
      49_980,
    ),
  ]),
  ['candidates', repeated('{},', '{"pc_id":"x","candidates":[', '{}]}')],
  [
    'SIP headers',
    different(
      (name) => `"${name}":0,`,
      '{"From":"1","To":"2","callId":"3","callDomain":"4","sipHeaders":{',
      '"x":0}}',
    ),
  ],
];

/** An offer with lines of a kind, as many as fit. @param of the section they are in: the session or a kind of media */
function offerWith(line: (i: number) => string, of: 'session' | 'audio' | 'video'): string {
  const mark = of === 'session' ? 't=0 0\r\n' : /^a=mid:.*\r\n/m.exec(section(of))![0];
  let lines = '';
  for (let i = 0; OFFER.length + lines.length < 99_500; i++) lines += `${line(i)}\r\n`;
  return OFFER.replace(mark, mark + lines);
}
const section = (kind: string): string => OFFER.slice(OFFER.indexOf(`m=${kind}`));
const FORMATS = Array.from({ length: 128 }, (_, i) => i);

const OFFERS: [string, string][] = [
  ['line breaks', `v=0${'\r\n'.repeat(49_000)}`],
  ['beginnings of sections', `v=0${'\r\nm='.repeat(24_000)}`],
  ['times', offerWith(() => 't=0 0', 'session')],
  ['fingerprints', offerWith(() => 'a=fingerprint:sha-256 AA:BB', 'session')],
  ...(['audio', 'video'] as const).flatMap((kind): [string, string][] => [
    [`streams of ${kind}`, offerWith((i) => `a=ssrc:${i} a:b`, kind)],
    [`stream ids of ${kind}`, offerWith((i) => `a=msid:${i} b`, kind)],
    [
      `candidates of ${kind}`,
      offerWith((i) => `a=candidate:${i} 1 udp 1 127.0.0.1 9 typ host`, kind),
    ],
    [
      `formats of ${kind}`,
      offerWith(() => `a=rtpmap:${kind === 'audio' ? 111 : 96} opus/48000/2`, kind),
    ],
    [
      `empty attributes of ${kind}, behind as many formats as there are`,
      offerWith(() => 'a=', kind).replace(
        new RegExp(`^(m=${kind} \\d+ \\S+) .*$`, 'm'),
        `$1 ${FORMATS.join(' ')}`,
      ),
    ],
  ]),
];

describe.each(PLATFORMS)('floods of HTTP requests on %s', (platform) => {
  let host: FloodedHost;
  beforeAll(async () => {
    host = await FloodedHost.start(platform);
  });
  afterAll(() => host.stop());

  /** Each carrier's webhook is a route of its own. */
  const carriers = ['twilio', 'telnyx', 'plivo', 'exotel'];
  const targets = ROUTES.flatMap((route) => {
    const [method, path] = route.split(' ') as [string, string];
    return path.includes('{carrier}')
      ? carriers.map((carrier) => ({ method, path: path.replace('{carrier}', carrier) }))
      : [{ method, path: path.replace('{id}', 'x') }];
  });

  /** Sends a body to every route, and says which of them held the loop. */
  async function heldRoutes(type: string, body: string): Promise<string[]> {
    const headers = { ...signed(), 'content-type': type };
    const all = async () => {
      for (const target of targets) await host.send({ ...target, headers, body });
    };
    if ((await host.heldBy(all, MOST_MS)) < MOST_MS) return [];
    const held: string[] = [];
    for (const target of targets) {
      const ms = await host.heldBy(() => host.send({ ...target, headers, body }), MOST_MS);
      if (ms >= MOST_MS) held.push(`${target.method} ${target.path} for ${Math.round(ms)} ms`);
    }
    return held;
  }

  it('cover every route that accepts a body', async () => {
    const [, text] = await host.send({ method: 'GET', path: '/openapi.json' });
    const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, object>> };
    const found = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        // A body for the bot of a session is not read before it.
        .filter(([, route]) => 'requestBody' in route && !path.includes('{path}'))
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    );
    expect(found.sort()).toEqual([...ROUTES].sort());
  });

  it.each(FORMS)('cannot block the event loop of any route with a form of %s', async (_, body) => {
    expect(await heldRoutes('application/x-www-form-urlencoded', body)).toEqual([]);
  });

  it.each(JSONS)('cannot block the event loop of any route with JSON of %s', async (_, body) => {
    expect(await heldRoutes('application/json', body)).toEqual([]);
  });

  it.each(OFFERS)('cannot block the event loop with an offer of %s', async (_, sdp) => {
    const offer = {
      method: 'POST',
      path: '/api/offer',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'offer', sdp }),
    };
    expect(await host.heldBy(() => host.send(offer), MOST_MS)).toBeLessThan(MOST_MS);
  });

  it.each(['/start', '/telephony/twilio', '/sessions/{id}/x'])(
    'cannot fill the memory with a body for %s in 1-byte chunks',
    async (target) => {
      const [, started] = await host.send({
        method: 'POST',
        path: '/start',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      const { wsUrl } = JSON.parse(started) as { wsUrl: string };
      const sessionId = new URL(wsUrl).searchParams.get('session_id')!;
      const socket = await connect(wsUrl);
      const before = await host.memory();
      const tcp = host.connect();
      tcp.write(
        `POST ${target.replace('{id}', sessionId)} HTTP/1.1\r\nHost: x\r\n` +
          'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
      const chunks = '1\r\n \r\n'.repeat(20_000);
      // The answer has to have its turn between two of them.
      const pour = (): void => {
        if (!tcp.destroyed) tcp.write(chunks, () => setImmediate(pour));
      };
      pour();
      const [answer] = (await once(tcp, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1.1 413 .*larger than 1048576 bytes/s);
      expect((await host.memory()) - before).toBeLessThan(10_000_000);
      tcp.destroy();
      socket.terminate();
    },
  );

  it.each<[string, string, Record<string, string>]>([
    ['a query of many fields', `/telephony/plivo?${'a&'.repeat(6_500)}`, {}],
    ['a query of question marks', `/telephony/plivo?${'?'.repeat(14_000)}`, {}],
    ['many signatures', '/telephony/plivo', { 'x-plivo-signature-v3': ','.repeat(14_000) }],
    ['a long signature', '/telephony/twilio', { 'x-twilio-signature': 'A'.repeat(14_000) }],
    ['a key of spaces', '/start', { authorization: `bearer x${' '.repeat(14_000)}x` }],
    ['many headers', '/start', Object.fromEntries(FORMATS.map((i) => [`h${i}`, 'x'.repeat(90)]))],
    ['a long path', `/sessions/${'x'.repeat(7_000)}/${'/'.repeat(7_000)}`, {}],
  ])('cannot block the event loop with %s', async (_, path, headers) => {
    const body = 'a=b&'.repeat(900);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const flood = () =>
      host.send({ method: 'POST', path, headers: { ...signed(), ...form, ...headers }, body });
    expect(await host.heldBy(flood, MOST_MS)).toBeLessThan(MOST_MS);
  });
});

/** A message of a client, as it is on the wire: masked with zeros. */
function frame(opcode: number, payload = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}
const TEXT = 1;
const BINARY = 2;
/** Pipecat's protobuf frames. */
const protobuf = (hex: string) => frame(BINARY, Buffer.from(hex, 'hex'));
const message = (json: string) =>
  frame(
    BINARY,
    Buffer.concat([Buffer.from([0x22, json.length + 2, 0x0a, json.length]), Buffer.from(json)]),
  );

describe('floods of WebSocket messages', () => {
  /** Enough to fill memory by the hundred megabytes, where each message is kept. */
  const MESSAGES = 1_500_000;
  const MOST_BYTES = 16_000_000;
  let host: FloodedHost;
  beforeAll(async () => {
    host = await FloodedHost.start('fastify');
  });
  afterAll(() => host.stop());

  /** A connection to a bot of a kind. */
  async function connected(bot: string): Promise<Socket> {
    const body = Buffer.from(JSON.stringify({ bot })).toString('base64url');
    const tcp = host.connect();
    tcp.write(
      `GET /ws-client?body=${body} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await once(tcp, 'data');
    return tcp;
  }

  it.each([
    ['empty texts, and a bot that never listens', 'deaf', frame(TEXT), true],
    ['empty texts, and a bot that reads nothing', 'inattentive', frame(TEXT), true],
    ['short messages, and a bot that reads nothing', 'inattentive', message('0'), true],
    ['texts, and a bot that reads nothing', 'inattentive', protobuf('0a021a00'), true],
    [
      'samples, and a bot that reads nothing',
      'inattentive',
      protobuf('12091a02010020807d2801'),
      true,
    ],
    [
      'interruptions, and does not read what the bot says to them',
      'polite',
      protobuf('2a00'),
      false,
    ],
  ])('cannot fill the memory with %s', async (_, bot, data, reads) => {
    const tcp = await connected(bot);
    if (reads) tcp.resume();
    else tcp.pause();
    const before = await host.memory();
    const written = once(tcp, 'drain');
    tcp.write(Buffer.concat(Array<Buffer>(MESSAGES).fill(data)));
    await Promise.race([written, once(tcp, 'close'), host.settledMemory()]);
    expect((await host.settledMemory()) - before).toBeLessThan(MOST_BYTES);
    tcp.destroy();
  });
});
