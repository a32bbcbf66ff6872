import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { Type } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AppModule as CallRecordsApp,
  CallsTable,
  type CallRow,
} from '../../examples/call-records.js';
import { AppModule as FrontDeskApp } from '../../examples/front-desk.js';
import { AppModule as OutboundApp, Reminders } from '../../examples/outbound-calls.js';
import { AppModule as TenantsApp, Numbers } from '../../examples/tenant-numbers.js';
import { AppModule as TwoBotsApp } from '../../examples/two-bots.js';
import { getRunnerToken, type Runner, SessionRegistry } from '../../src/index.js';
import { type FakeCall, startHost, type TestHost } from '../../src/testing/index.js';
import { plivoHeaders, twilioHeaders } from '../support/carrier-signatures.js';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { Lines } from '../support/lines.js';
import { post } from '../support/runner-app.js';

const PUBLIC_URL = 'https://bot.example.com';
const KEY = 'a-private-key-of-the-runner';
const ACME = 'a-public-key-of-acme';

let api: FakeCarrierApi;
let host: TestHost;
let lines: Lines;
let registry: SessionRegistry;
beforeEach(async () => {
  api = await FakeCarrierApi.start();
  const { twilio, plivo } = api.credentials;
  Object.assign(process.env, {
    PUBLIC_URL,
    RUNNER_KEY: KEY,
    ACME_KEY: ACME,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_AUTH_TOKEN: twilio.authToken,
    TWILIO_API_URL: twilio.apiUrl,
    PLIVO_AUTH_ID: plivo.authId,
    PLIVO_AUTH_TOKEN: plivo.authToken,
    PLIVO_API_URL: plivo.apiUrl,
  });
});
afterEach(async () => {
  await host?.close();
  await api.close();
});

async function start(module: Type<unknown>, key: string): Promise<void> {
  lines = new Lines();
  host = await startHost(module, { key, configure: (app) => app.useLogger(lines) });
  api.runnerUrl = host.url;
  [registry] = host.app.get(SessionRegistry, { strict: false, each: true }) as [SessionRegistry];
  if (module === TenantsApp) {
    const { twilio: account } = api.credentials;
    const row = { tenant: 'acme', lines: 1, isOpen: true, account };
    const { rows } = host.app.get(Numbers, { strict: false });
    rows.set('+15550002', { ...row, bot: 'sales', greeting: 'Welcome to Acme, who can we help?' });
    rows.set('+15550003', { ...row, bot: 'support', greeting: '', lines: 5 });
    rows.set('+15550004', { ...row, bot: 'sales', greeting: '', isOpen: false });
  }
}

/** Rings as Twilio, whose auth token is the account's unless it says otherwise. */
const ring = (to = '+15550002', token = 'twilio-secret') =>
  host.ring({
    carrier: 'twilio',
    to,
    path: '/telephony/twilio?tenant=acme',
    headers: (url, fields) => twilioHeaders(token, url.replace(host.url, PUBLIC_URL), fields),
  });

/** Resolves when no session is left. */
async function allEnded(): Promise<void> {
  for (const { ended } of registry.live) await ended;
}

const callTo = (phone: string, key = ACME) =>
  post(
    `${host.url}/reminders`,
    { phone, appointment: 'on Monday at nine' },
    { authorization: `Bearer ${key}` },
  );

const APPS: [string, Type<unknown>, string][] = [
  ['outbound-calls', OutboundApp, ACME],
  ['front-desk', FrontDeskApp, KEY],
  ['tenant-numbers', TenantsApp, KEY],
  ['call-records', CallRecordsApp, ACME],
];

describe.each(APPS)('examples/%s.ts', (_, module, key) => {
  beforeEach(() => start(module, key));

  it('accepts only calls that its carrier has signed', async () => {
    const { call } = await ring();
    await call!.hangUp();
    await allEnded();
    await expect(ring('+15550002', 'guess')).rejects.toThrow(/answered 401/);
    await expect(host.ring({ carrier: 'twilio' })).rejects.toThrow(/answered 401/);
    expect(registry.size).toBe(0);
  });

  it('starts sessions only with its key', async () => {
    const asked = { transport: 'twilio' };
    expect((await post(`${host.url}/start`, asked)).status).toBe(401);
    const wrong = { authorization: 'Bearer another-key-altogether' };
    expect((await post(`${host.url}/start`, asked, wrong)).status).toBe(401);
    expect(await host.start(asked)).toMatchObject({ token: expect.any(String) });
  });

  it('ends the session when the caller hangs up in mid-sentence', async () => {
    const { call } = await ring();
    const [session] = registry.live;
    // Half a second of two.
    await call!.heard(4_000);
    await call!.hangUp();
    expect(await session!.ended).toMatchObject({ code: 'peer_left' });
    expect(call!.audioBytes.length).toBeLessThan(12_000);
    expect(registry.size).toBe(0);
    expect(lines.all.filter((line) => /^(error|warn) (?!HALF|Webhooks of)/.test(line))).toEqual([]);
  });
});

describe('examples/outbound-calls.ts', () => {
  beforeEach(() => start(OutboundApp, ACME));

  /** Picks up the phone that was called last. */
  const pickUp = async () =>
    (await host.follow(await api.placed.at(-1)!.answer(), { carrier: 'twilio' }))!;

  it('calls a person, who confirms', async () => {
    const { status, json } = await callTo('+15550001');
    expect(status).toBe(202);
    expect(api.placed[0]).toMatchObject({
      to: '+15550001',
      from: '+15550100',
      ringTimeoutSeconds: 25,
    });
    const phone = await pickUp();
    const ended = once(api, 'ended');
    phone.press('1');
    await lines.with('confirmed');
    expect(await ended).toEqual([phone.facts.callId]);
    await phone.closed;
    const { outcomes } = host.app.get(Reminders);
    while (outcomes.size === 0) await new Promise((resolve) => setImmediate(resolve));
    expect([...outcomes]).toEqual([[json.sessionId, 'completed']]);
  });

  it('answers that the carrier is unreachable, with Retry-After', async () => {
    api.misbehaviours.push({ status: 500 });
    const failed = await callTo('+15550001');
    expect([failed.status, failed.json.code]).toEqual([502, 'PROVIDER_REFUSED']);
    expect(registry.size).toBe(0);
    expect((await callTo('+15550001')).status).toBe(202);
  });

  it('times out when the carrier does not answer', async () => {
    api.misbehaviours.push('hang');
    const failed = await callTo('+15550001');
    expect([failed.status, failed.json.code]).toEqual([504, 'PROVIDER_TIMEOUT']);
    expect(registry.size).toBe(0);
  });

  it('enforces the tenant’s limits for concurrent requests', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => callTo('+15550001')));
    expect(answers.map(({ status }) => status).sort()).toEqual([
      ...Array<number>(2).fill(202),
      ...Array<number>(8).fill(429),
    ]);
    expect(answers.find(({ status }) => status === 429)!.json).toMatchObject({
      code: 'CALL_LIMIT',
      limit: 'calls',
    });
    expect(api.placed).toHaveLength(2);
    // When one has hung up there is room for another.
    await (await pickUp()).hangUp();
    while (registry.size > 1) await new Promise((resolve) => setImmediate(resolve));
    expect((await callTo('+15550001')).status).toBe(202);
  });

  it.each(['+4930123456', '+15559001'])('does not call %s', async (phone) => {
    const { status, json } = await callTo(phone);
    expect([status, json.code]).toEqual([403, 'DESTINATION_REFUSED']);
    expect(api.requests).toEqual([]);
  });

  it('answers an invalid number with the reason', async () => {
    const { status, json } = await callTo('0555 0001');
    expect([status, json.code]).toEqual([422, 'INVALID_FIELDS']);
    expect(json.detail).toMatch(/^to: to must be a phone number in E\.164/);
  });
});

describe('examples/front-desk.ts', () => {
  beforeEach(() => start(FrontDeskApp, KEY));

  it.each([
    ['1', '+15550011'],
    ['2', 'sip:support@pbx.example.com'],
  ])('transfers a caller who presses %s', async (key, target) => {
    const { call } = await ring();
    const [session] = registry.live;
    const transferred = once(api, 'transferred');
    call!.press(key);
    expect(await transferred).toEqual([{ callId: call!.facts.callId, target }]);
    expect(await session!.ended).toMatchObject({ message: 'The call was transferred.' });
  });

  it('transfers callers of Plivo, which fetches the dial document', async () => {
    const { call } = await host.ring({
      carrier: 'plivo',
      headers: (url, fields) =>
        plivoHeaders('plivo-secret', url.replace(host.url, PUBLIC_URL), { ...fields }),
    });
    const transferred = once(api, 'transferred');
    call!.press('1');
    expect(await transferred).toEqual([{ callId: call!.facts.callId, target: '15550011' }]);
    await call!.closed;
  });

  it('keeps the caller when the transfer fails, until a side hangs up', async () => {
    const { call } = await ring();
    api.misbehaviours.push({ status: 500 });
    call!.press('1');
    await lines.with('nobody was put through: twilio answered 500');
    const heard = call!.audioBytes.length;
    await call!.heard(heard + 1_000);
    const ended = once(api, 'ended');
    call!.press('#');
    expect(await ended).toEqual([call!.facts.callId]);
    expect(await call!.closed).toMatchObject({ code: 1000 });
  });
});

describe('examples/tenant-numbers.ts', () => {
  beforeEach(() => start(TenantsApp, KEY));

  it('starts the bot of the dialled number', async () => {
    const { call: sales } = await ring('+15550002');
    const { call: support } = await ring('+15550003');
    expect(registry.live.map(({ bot, claims }) => [bot, claims])).toEqual([
      ['sales', {}],
      ['support', {}],
    ]);
    await sales!.heard(4_000);
    await support!.speak(new Int16Array(8_000).fill(1_000), { pace: 'asap' });
    await support!.heard(4_000);
    for (const call of [sales, support]) await call!.hangUp();
  });

  it.each([
    ['closed', '+15550004', /We are closed/],
    ['not there', '+15550009', /<Reject\/>/],
  ])('refuses a call to a number that is %s', async (_, to, xml) => {
    expect(await ring(to)).toEqual({ xml: expect.stringMatching(xml), call: undefined });
    expect(registry.size).toBe(0);
  });

  it('tells callers that all lines of the tenant are busy', async () => {
    const { call } = await ring();
    expect((await ring()).xml).toContain('All lines are busy');
    await call!.hangUp();
    await allEnded();
    await (await ring()).call!.hangUp();
  });

  it('tells callers that all lines are busy when its database fails', async () => {
    host.app.get(Numbers, { strict: false }).find = () => Promise.reject(new Error('no database'));
    expect((await ring()).xml).toContain('All lines are busy');
    expect(await lines.with('callRouter.route() failed')).toMatch(/no database/);
  });

  it('closes the connection when the tenant’s account cannot hang up', async () => {
    const { call } = await ring();
    await call!.heard(12_000);
    api.misbehaviours.push({ status: 500 }, { status: 500 });
    call!.press('#');
    expect(await call!.closed).toMatchObject({ code: 1000 });
    expect(await lines.with('hanging up failed')).toMatch(/twilio answered 500/);
  });
});

describe('examples/call-records.ts', () => {
  beforeEach(() => start(CallRecordsApp, ACME));

  const rows = async (): Promise<CallRow[]> => {
    const response = await fetch(`${host.url}/calls?tenant=acme`, {
      headers: { authorization: `Bearer ${KEY}` },
    });
    expect(response.status).toBe(200);
    return (await response.json()) as CallRow[];
  };
  const next = async (): Promise<FakeCall> => host.call({ carrier: 'twilio' });

  it('records each call of a tenant, and refused calls', async () => {
    const call = await next();
    await expect(next()).rejects.toThrow(/429/);
    await call.closed;
    await allEnded();
    expect(await rows()).toEqual([
      { tenant: 'acme', seconds: 0, outcome: 'AT_CAPACITY' },
      {
        sessionId: expect.any(String),
        tenant: 'acme',
        seconds: expect.any(Number),
        outcome: 'completed',
      },
    ]);
    expect(api.over.size).toBe(1);
  });

  it('records a call that the carrier cannot hang up', async () => {
    api.misbehaviours.push({ status: 500 }, 'cut');
    const call = await next();
    await call.closed;
    await allEnded();
    expect(await rows()).toMatchObject([{ outcome: 'completed' }]);
    expect(await lines.with('the call may go on')).toMatch(/could not be reached/);
  });

  it('records calls that end with the application', async () => {
    await next();
    const table = host.app.get(CallsTable);
    const [{ id }] = registry.live as [(typeof registry.live)[number]];
    await host.close();
    expect(table.rows).toMatchObject([{ sessionId: id, outcome: 'draining' }]);
    await start(CallRecordsApp, ACME);
  });

  it('shows calls only with a private key', async () => {
    for (const authorization of ['', `Bearer ${ACME}`]) {
      const response = await fetch(`${host.url}/calls?tenant=acme`, { headers: { authorization } });
      expect(response.status).toBe(401);
    }
  });
});

describe('examples/two-bots.ts', () => {
  const SALES = 'a-public-key-of-sales';
  const SUPPORT = 'a-public-key-of-support';
  beforeEach(async () => {
    Object.assign(process.env, { SALES_KEY: SALES, SUPPORT_KEY: SUPPORT, SHOP_KEY: 'shop' });
    await start(TwoBotsApp, '');
  });

  const runner = (name: string) => host.app.get<Runner>(getRunnerToken(name), { strict: false });
  const startAt = (name: string, key: string, transport = 'twilio') =>
    post(`${host.url}/${name}/start`, { transport }, { authorization: `Bearer ${key}` });
  const ringAt = (name: string, token = 'twilio-secret') =>
    host.ring({
      carrier: 'twilio',
      path: `/${name}/telephony/twilio`,
      headers: (url, fields) => twilioHeaders(token, url.replace(host.url, PUBLIC_URL), fields),
    });

  it('routes calls to each bot by its carrier’s signature', async () => {
    const { call: sales } = await ringAt('sales');
    const { call: support } = await ringAt('support');
    await sales!.heard(4_000);
    await support!.speak(new Int16Array(8_000).fill(1_000), { pace: 'asap' });
    await support!.heard(4_000);
    for (const name of ['sales', 'support']) {
      expect(runner(name).sessions.size).toBe(1);
      await expect(ringAt(name, 'guess')).rejects.toThrow(/answered 401/);
    }
    for (const call of [sales, support]) await call!.hangUp();
  });

  it('separates keys, limits and transports of both bots', async () => {
    expect((await startAt('sales', SUPPORT)).status).toBe(401);
    expect((await startAt('support', SALES)).status).toBe(401);
    expect((await startAt('sales', SALES, 'websocket')).status).toBe(400);
    expect((await startAt('support', SUPPORT, 'websocket')).status).toBe(200);
    expect((await startAt('support', SUPPORT)).status).toBe(429);
    expect((await ringAt('support')).xml).toContain('All lines are busy');
    expect((await startAt('sales', SALES)).json.wsUrl).toBe('wss://bot.example.com/sales/ws');
  });

  it('calls back through one runner, and reports a failing carrier', async () => {
    const callBack = (key: string) =>
      post(`${host.url}/callbacks`, { phone: '+15550001' }, { authorization: `Bearer ${key}` });
    expect((await callBack('guess')).status).toBe(403);
    expect(api.requests).toEqual([]);
    api.misbehaviours.push({ status: 500 });
    expect((await callBack('shop')).status).toBe(500);
    expect(runner('sales').sessions.size).toBe(0);
    const { status, json } = await callBack('shop');
    expect(status).toBe(202);
    const phone = await host.follow(await api.placed.at(-1)!.answer(), { carrier: 'twilio' });
    const session = runner('sales').sessions.get(json.sessionId as string)!;
    // In the middle of a sentence.
    await phone!.heard(4_000);
    await phone!.hangUp();
    expect(await session.ended).toMatchObject({ code: 'peer_left' });
    expect(runner('support').sessions.size).toBe(0);
  });
});

describe('docs/calls.md', () => {
  it('quotes the examples about phone calls unchanged', () => {
    const bare = (code: string) => code.replace(/^ +/gm, '').trim();
    const examples = readdirSync('examples')
      .filter((file) => file.endsWith('.ts'))
      .map((file) => bare(readFileSync(`examples/${file}`, 'utf8')));
    const page = readFileSync('docs/calls.md', 'utf8');
    const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => bare(code!));
    expect(blocks).toHaveLength(5);
    for (const block of blocks) {
      expect(examples.some((example) => example.includes(block)) ? '' : block).toBe('');
    }
  });
});
