import { describe, expect, it } from '@jest/globals';
import { busyMs } from '../../../../test/support/busy-ms.js';
import {
  type Fields,
  formOf,
  plivoHeaders,
  TelnyxAccount,
  twilioHeaders,
  twilioJson,
} from '../../../../test/support/carrier-signatures.js';
import { verifyPlivo } from './plivo/plivo.signature.js';
import type { VerifyWebhook } from './received-request.js';
import { verifyTelnyx } from './telnyx/telnyx.signature.js';
import { verifyTwilio } from './twilio/twilio.signature.js';

const URL_WITH_QUERY = 'https://bot.example.com/telephony/carrier?b=2&a=%C3%A9+x';

/** Fields of every awkward kind: in no order, repeated, empty, beyond ASCII, with what separates fields and queries. */
function randomFields(random: () => number): Fields {
  const alphabet = [
    'a',
    'B',
    'Z',
    '_',
    '0',
    '&',
    '=',
    '+',
    ' ',
    '%',
    '?',
    '.',
    'é',
    '☎',
    '\u{1f4de}',
  ];
  const text = (length: number) =>
    Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
  return Object.fromEntries(
    Array.from({ length: Math.floor(random() * 6) }, () => [
      text(1 + Math.floor(random() * 4)),
      random() < 0.3 ? [text(2), text(2), text(2), '1', '1'] : text(Math.floor(random() * 5)),
    ]),
  );
}

/** The same numbers in each run: mulberry32. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const verdict = (
  verify: VerifyWebhook,
  headers: Record<string, string>,
  {
    urls = [URL_WITH_QUERY],
    body = '',
    keys = ['token'],
  }: { urls?: string[]; body?: string; keys?: string[] } = {},
): string => {
  try {
    verify({ headers, urls, body: Buffer.from(body) }, keys);
    return 'genuine';
  } catch (error) {
    expect(error).toMatchObject({ code: 'UNAUTHORIZED' });
    return (error as Error).message;
  }
};

describe('signatures of Twilio', () => {
  it("are those of Twilio's documentation", () => {
    const fields = {
      CallSid: 'CA1234567890ABCDE',
      Caller: '+14158675309',
      Digits: '1234',
      From: '+14158675309',
      To: '+18005551212',
    };
    const url = 'https://mycompany.com/myapp.php?foo=1&bar=2';
    const form = { urls: [url], body: formOf(fields), keys: ['12345'] };
    const given = (signature: string) => ({ 'x-twilio-signature': signature });
    expect(verdict(verifyTwilio, given('RSOYDt4T1cUTdK1PDd93/VVr8B8='), form)).toBe('genuine');
    const json = {
      urls: [`${url}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620`],
      body: '{"property": "value", "boolean": true}',
      keys: ['12345'],
    };
    expect(verdict(verifyTwilio, given('a9nBmqA0ju/hNViExpshrM61xv4='), json)).toBe('genuine');
  });

  it("are those of Twilio's SDK, for whatever fields", () => {
    const random = seeded(1);
    for (let i = 0; i < 300; i++) {
      const fields = randomFields(random);
      const headers = twilioHeaders('token', URL_WITH_QUERY, fields);
      expect([fields, verdict(verifyTwilio, headers, { body: formOf(fields) })]).toEqual([
        fields,
        'genuine',
      ]);
    }
  });

  const headers = twilioHeaders('token', URL_WITH_QUERY, { From: '1' });
  const json = twilioJson('token', URL_WITH_QUERY, '{"a":1}');
  it.each<[string, string, Parameters<typeof verdict>[1], Parameters<typeof verdict>[2]]>([
    ['none', 'x-twilio-signature is required', {}, { body: 'From=1' }],
    ['other fields', 'does not match', headers, { body: 'From=2' }],
    ['more fields', 'does not match', headers, { body: 'From=1&To=2' }],
    ['another key', 'does not match', headers, { body: 'From=1', keys: ['other'] }],
    [
      'another URL',
      'URL https://x.example/y',
      headers,
      { body: 'From=1', urls: ['https://x.example/y?z'] },
    ],
    ['text that is no signature', 'does not match', { 'x-twilio-signature': '…' }, {}],
    [
      'another JSON body',
      'bodySHA256 does not match',
      json.headers,
      { urls: [json.url], body: '{"a":2}' },
    ],
    [
      'JSON that nothing covers',
      'does not match',
      twilioHeaders('token', URL_WITH_QUERY),
      { body: '{"a":1}' },
    ],
  ])('do not pass with %s', (_, why, given, received) => {
    expect(verdict(verifyTwilio, given, received)).toContain(why);
  });

  it('pass with any of several keys, and under any spelling of the URL', () => {
    const received = {
      body: 'From=1',
      keys: ['old', 'token'],
      urls: ['https://x', URL_WITH_QUERY],
    };
    expect(verdict(verifyTwilio, headers, received)).toBe('genuine');
  });
});

describe('signatures of Plivo', () => {
  it("are those of Plivo's SDK, for whatever fields", () => {
    const random = seeded(2);
    for (let i = 0; i < 300; i++) {
      const fields = randomFields(random);
      const url = i % 2 ? URL_WITH_QUERY : 'https://bot.example.com:8443/plivo';
      const headers = plivoHeaders('token', url, fields);
      expect([
        fields,
        verdict(verifyPlivo, headers, { urls: [url], body: formOf(fields) }),
      ]).toEqual([fields, 'genuine']);
    }
  });

  const headers = plivoHeaders('token', URL_WITH_QUERY, { From: '1' });
  const signature = headers['x-plivo-signature-v3'];
  it.each([
    ['first of several', { ...headers, 'x-plivo-signature-v3': `${signature},b3RoZXI=` }],
    ['last of several', { ...headers, 'x-plivo-signature-v3': `b3RoZXI=,${signature}` }],
    [
      "the main account's",
      { ...headers, 'x-plivo-signature-v3': 'b3RoZXI=', 'x-plivo-signature-ma-v3': signature },
    ],
  ])('pass as %s', (_, given) => {
    expect(verdict(verifyPlivo, given, { body: 'From=1' })).toBe('genuine');
  });

  it.each<[string, string, Parameters<typeof verdict>[1], Parameters<typeof verdict>[2]]>([
    ['none', 'x-plivo-signature-v3 and x-plivo-signature-v3-nonce are required', {}, {}],
    [
      'another nonce',
      'not match',
      { ...headers, 'x-plivo-signature-v3-nonce': '1' },
      { body: 'From=1' },
    ],
    ['other fields', 'not match', headers, { body: 'From=2' }],
    ['another key', 'not match', headers, { body: 'From=1', keys: ['other'] }],
    [
      'another URL',
      'URL https://x.example/y',
      headers,
      { body: 'From=1', urls: ['https://x.example/y?z'] },
    ],
  ])('do not pass with %s', (_, why, given, received) => {
    expect(verdict(verifyPlivo, given, received)).toContain(why);
  });
});

describe('signatures of forms', () => {
  const given = {
    'x-twilio-signature': Buffer.alloc(20).toString('base64'),
    'x-plivo-signature-v3': Buffer.alloc(32).toString('base64'),
    'x-plivo-signature-v3-nonce': '1',
  };
  const names = (count: number) => Array.from({ length: count }, (_, i) => i.toString(36));
  const urls = ['https://a/x', 'https://a:443/x', 'http://a/x', 'http://a:80/x'];
  const verifiers: [string, VerifyWebhook][] = [
    ['Twilio', verifyTwilio],
    ['Plivo', verifyPlivo],
  ];

  it.each(verifiers)('of %s are not looked for in 40,000 fields', (_, verify) => {
    const webhook = { headers: given, urls, body: Buffer.from(names(40_000).join('&')) };
    const refuse = (): void =>
      expect(() => verify(webhook, ['old', 'new'])).toThrow(
        expect.objectContaining({
          code: 'TOO_LARGE',
          message: 'Forms of more than 1000 fields are refused.',
        }),
      );
    expect(busyMs(refuse)).toBeLessThan(100);
  });

  it.each(verifiers)('of %s are taken over as many fields as a form may have', (_, verify) => {
    const fields = Object.fromEntries(names(1_000).map((name) => [name, `${name} of many`]));
    const headers = {
      ...twilioHeaders('token', URL_WITH_QUERY, fields),
      ...plivoHeaders('token', URL_WITH_QUERY, fields),
    };
    expect(verdict(verify, headers, { body: formOf(fields) })).toBe('genuine');
  });

  it.each(verifiers)(
    'of %s that cannot be one are refused without a look at the body',
    (_, verify) => {
      const body = Buffer.from('a');
      body.toString = () => {
        throw new Error('the body was read');
      };
      for (const signature of ['', 'AAAA', 'A'.repeat(1_000)]) {
        const headers = {
          ...given,
          'x-twilio-signature': signature,
          'x-plivo-signature-v3': signature,
        };
        expect(() => verify({ headers, urls, body }, ['key'])).toThrow(
          expect.objectContaining({ code: 'UNAUTHORIZED' }),
        );
      }
    },
  );
});

describe('signatures of Telnyx', () => {
  const account = new TelnyxAccount();
  const keys = [account.publicKey];
  const secondsAgo = (seconds: number) => Math.floor(Date.now() / 1_000) - seconds;

  it.each(['', 'From=%2B1&To=2', '{"data":{"é":"☎"}}'])(
    "of '%s' are those of Telnyx' SDK",
    async (body) => {
      expect(verdict(verifyTelnyx, await account.headers(body), { body, keys })).toBe('genuine');
    },
  );

  it.each([
    ['an hour ago', 3_600],
    ['more than five minutes ago', 302],
    ['in the future', -302],
  ])('do not pass when they were made %s', async (_, seconds) => {
    const headers = await account.headers('a=1', secondsAgo(seconds));
    expect(verdict(verifyTelnyx, headers, { body: 'a=1', keys })).toContain('last five minutes');
  });

  it('do not pass with another time, body or key, nor without', async () => {
    const headers = await account.headers('a=1');
    const later = { ...headers, 'telnyx-timestamp': String(secondsAgo(-1)) };
    const other = new TelnyxAccount().publicKey;
    expect(verdict(verifyTelnyx, later, { body: 'a=1', keys })).toContain('not match');
    expect(verdict(verifyTelnyx, headers, { body: 'a=2', keys })).toContain('not match');
    expect(verdict(verifyTelnyx, headers, { body: 'a=1', keys: [other] })).toContain('not match');
    expect(verdict(verifyTelnyx, headers, { body: 'a=1', keys: [other, ...keys] })).toBe('genuine');
    expect(verdict(verifyTelnyx, {}, { keys })).toContain('are required');
  });
});
