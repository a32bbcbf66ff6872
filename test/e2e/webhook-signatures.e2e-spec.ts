import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { type DynamicModule, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RunnerModule, type RunnerOptions, TelephonyModule } from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import {
  formOf,
  plivoHeaders,
  TelnyxAccount,
  twilioHeaders,
  twilioJson,
} from '../support/carrier-signatures.js';
import { Lines } from '../support/lines.js';
import {
  closeApps,
  listen,
  type Platform,
  PLATFORMS,
  type RunningApp,
} from '../support/runner-app.js';

const TOKEN = 'a-token-of-the-account';
const FIELDS = { From: '+15550001', To: '+15550002', CallSid: 'CA1', 'SipHeader_X-Name': 'Å & b' };
const KEYS = { twilio: TOKEN, plivo: TOKEN };

afterEach(closeApps);

interface Host extends RunnerOptions {
  readonly path?: string;
  readonly prefix?: string;
  readonly trustProxy?: boolean;
}

async function start(
  platform: Platform,
  telephony: DynamicModule,
  { prefix, trustProxy = false, ...options }: Host = {},
): Promise<RunningApp> {
  const launcher = { useValue: new RecordingLauncher() };
  @Module({ imports: [RunnerModule.forRoot({ launcher, transports: [telephony], ...options })] })
  class HostModule {}
  const adapter =
    platform === 'fastify' ? new FastifyAdapter({ trustProxy }) : new ExpressAdapter();
  const app = await NestFactory.create<INestApplication>(HostModule, adapter, {
    logger: false,
    abortOnError: false,
  });
  if (platform === 'express') (app as NestExpressApplication).set('trust proxy', trustProxy);
  if (prefix) app.setGlobalPrefix(prefix);
  return listen(app);
}

/** Unlike fetch, lets a test say what the Host header is. */
async function send(
  url: string,
  body: string,
  headers: Record<string, string>,
): Promise<{ status: number; type: string; answer: unknown }> {
  const outgoing = request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const type = response.headers['content-type']!;
  const answer = type.includes('json') ? await json(response) : response.resume();
  return { status: response.statusCode!, type, answer };
}

describe.each(PLATFORMS)('webhook signatures on %s', (platform) => {
  it.each<[string, Host & { called?: string; seen?: Record<string, string>; own?: string }]>([
    ['directly', {}],
    ['below a path and a global prefix', { path: 'voice', prefix: 'api', own: '/api/voice' }],
    [
      'under a public URL',
      { publicUrl: 'https://bot.example.com', called: 'https://bot.example.com' },
    ],
    [
      'under a bare public host',
      { publicUrl: 'bot.example.com', called: 'https://bot.example.com' },
    ],
    [
      'under a public URL with a path that a proxy takes off',
      {
        publicUrl: 'https://example.com/bots/',
        path: 'voice',
        called: 'https://example.com/bots/voice',
        own: '/voice',
      },
    ],
    [
      'with the port that is the default',
      { publicUrl: 'https://bot.example.com', called: 'https://bot.example.com:443' },
    ],
    [
      'through a proxy that is trusted',
      {
        trustProxy: true,
        called: 'https://bot.example.com',
        seen: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'bot.example.com' },
      },
    ],
    [
      'through one that ends TLS and is not',
      { called: 'https://bot.example.com', seen: { host: 'bot.example.com' } },
    ],
  ])(
    'are valid when the webhook is called %s',
    async (_, { called, seen = {}, own = '', ...host }) => {
      const { url } = await start(platform, TelephonyModule.forRoot({ webhookKeys: KEYS }), host);
      for (const [carrier, headersOf] of [
        ['twilio', twilioHeaders],
        ['plivo', plivoHeaders],
      ] as const) {
        const path = `/telephony/${carrier}?tenant=a%20b&z=1`;
        const headers = { ...headersOf(TOKEN, `${called ?? url + own}${path}`, FIELDS), ...seen };
        const genuine = await send(`${url}${own}${path}`, formOf(FIELDS), headers);
        const forged = await send(
          `${url}${own}${path}`,
          formOf({ ...FIELDS, To: '+1900' }),
          headers,
        );
        expect(genuine).toMatchObject({ status: 200, type: expect.stringMatching(/xml/) });
        expect(forged).toMatchObject({
          status: 401,
          answer: {
            statusCode: 401,
            error: 'Unauthorized',
            code: 'UNAUTHORIZED',
            detail: expect.stringMatching(
              /does not match the body and the URL http[^?]*\/telephony\//,
            ),
          },
        });
      }
    },
  );

  it('are invalid for a URL that only a client claims', async () => {
    const { url } = await start(platform, TelephonyModule.forRoot({ webhookKeys: KEYS }), {
      publicUrl: 'https://bot.example.com',
    });
    const headers = {
      ...twilioHeaders(TOKEN, 'https://evil.example/telephony/twilio', FIELDS),
      host: 'evil.example',
    };
    expect(await send(`${url}/telephony/twilio`, formOf(FIELDS), headers)).toMatchObject({
      status: 401,
    });
  });

  it('of JSON are checked through the body hash in the URL', async () => {
    const { url } = await start(platform, TelephonyModule.forRoot({ webhookKeys: KEYS }));
    const body = '{"From":"+15550001"}';
    const signed = twilioJson(TOKEN, `${url}/telephony/twilio`, body);
    const headers = { ...signed.headers, 'content-type': 'application/json' };
    expect(await send(signed.url, body, headers)).toMatchObject({ status: 200 });
    expect(await send(signed.url, '{"From":"+1900"}', headers)).toMatchObject({ status: 401 });
  });

  it('of Telnyx are checked over the raw body and expire', async () => {
    const account = new TelnyxAccount();
    const { url } = await start(
      platform,
      TelephonyModule.forRoot({
        webhookKeys: { telnyx: ['A'.repeat(43) + '=', account.publicKey] },
      }),
    );
    const body = 'To=%2b15550002&From=%2B15550001';
    const post = (headers: Record<string, string>) =>
      send(`${url}/telephony/telnyx`, body, headers);
    expect(await post(await account.headers(body))).toMatchObject({ status: 200 });
    expect(await post({})).toMatchObject({ status: 401 });
    expect(await post(await account.headers(body, Date.now() / 1_000 - 400))).toMatchObject({
      status: 401,
      answer: { detail: 'telnyx-timestamp is not of the last five minutes.' },
    });
  });

  it('are checked once the account is known, unless disabled', async () => {
    const credentials = { twilio: { accountSid: 'AC1', authToken: TOKEN } };
    const unsigned = async (telephony: DynamicModule) => {
      const { app, url } = await start(platform, telephony);
      const answers = ['twilio', 'telnyx', 'plivo', 'exotel'].map((carrier) =>
        send(`${url}/telephony/${carrier}`, formOf(FIELDS), {}).then(({ status }) => status),
      );
      const statuses = await Promise.all(answers);
      await app.close();
      return statuses;
    };
    expect(await unsigned(TelephonyModule.forRoot({}))).toEqual([200, 200, 200, 200]);
    expect(await unsigned(TelephonyModule.forRoot({ credentials }))).toEqual([401, 401, 401, 401]);
    expect(await unsigned(TelephonyModule.forRoot({ credentials, webhookKeys: false }))).toEqual([
      200, 200, 200, 200,
    ]);
    const env = {
      TWILIO_AUTH_TOKEN: TOKEN,
      TELNYX_PUBLIC_KEY: new TelnyxAccount().publicKey,
      PLIVO_AUTH_TOKEN: TOKEN,
    };
    expect(await unsigned(TelephonyModule.fromEnv(env)!)).toEqual([401, 401, 401, 401]);
  });

  it('are required to open a session', async () => {
    const { url } = await start(platform, TelephonyModule.forRoot({ webhookKeys: KEYS }), {
      webSocketAuth: 'token',
      maxSessions: 1,
    });
    for (let i = 0; i < 3; i++) {
      expect(await send(`${url}/telephony/twilio`, formOf(FIELDS), {})).toMatchObject({
        status: 401,
      });
    }
    const headers = twilioHeaders(TOKEN, `${url}/telephony/twilio`, FIELDS);
    expect(await send(`${url}/telephony/twilio`, formOf(FIELDS), headers)).toMatchObject({
      status: 200,
    });
  });
});

it('unsigned webhooks write 10 lines a minute into the log for each carrier', async () => {
  const { app, url } = await start('fastify', TelephonyModule.forRoot({ webhookKeys: KEYS }));
  const lines = new Lines();
  app.useLogger(lines);
  for (const carrier of ['twilio', 'plivo']) {
    const answers = Array.from({ length: 50 }, () =>
      send(`${url}/telephony/${carrier}`, formOf(FIELDS), {}),
    );
    for (const { status } of await Promise.all(answers)) expect(status).toBe(401);
    const refused = lines.all.filter((line) => line.includes(`A webhook of ${carrier}`));
    expect(refused).toHaveLength(10);
  }
});

describe('webhookKeys', () => {
  it.each<[object, RegExp]>([
    [{ webhookKeys: true }, /webhookKeys must be false, or an object with twilio, telnyx, plivo/],
    [{ webhookKeys: { exotel: 'k' } }, /must not have exotel; there are twilio, telnyx, plivo/],
    [{ webhookKeys: { twilio: '' } }, /in twilio a string, or a list of them/],
    [{ webhookKeys: { plivo: [] } }, /in plivo a string, or a list of them/],
    [
      { webhookKeys: { telnyx: 'c2hvcnQ=' } },
      /in telnyx the account's public key: 32 bytes in base64/,
    ],
  ])('%j stops the application', async (options, message) => {
    const module = TelephonyModule.forRoot(options);
    await expect(start('fastify', module)).rejects.toThrow(message);
  });
});
