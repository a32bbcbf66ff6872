import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  BotLauncher,
  type BotSession,
  type CallDecision,
  CallRouter,
  createTransport,
  type RunnerArguments,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  WhatsAppModule,
  SessionEnd,
} from '../../src/index.js';
import { type HangUpOutcome } from '../../src/bot.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { FakeMeta } from '../support/fake-meta.js';
import { hearsEcho } from '../support/hears-echo.js';
import { Lines } from '../support/lines.js';
import { BROWSER_OFFER } from '../support/offers.js';
import { PLATFORMS, type RunningApp, startApp } from '../support/runner-app.js';
import { warmUp } from '../support/webrtc-client.js';

let meta: FakeMeta;
let running: RunningApp | undefined;
beforeAll(async () => {
  meta = await FakeMeta.start();
  await warmUp();
});
afterAll(() => meta.close());
afterEach(async () => {
  await running?.app.close();
  running = undefined;
  meta.reset();
});

type Platform = (typeof PLATFORMS)[number];

async function start(
  platform: Platform,
  { launcher = { useClass: EchoBot }, ...options }: RunnerOptions & RunnerModuleExtras = {},
) {
  const { token, phoneNumberId, appSecret, verifyToken, apiUrl } = meta;
  const whatsApp = { token, phoneNumberId, appSecret, verifyToken, apiUrl };
  running = await startApp(platform, [
    RunnerModule.forRoot({ launcher, transports: [WhatsAppModule.forRoot(whatsApp)], ...options }),
  ]);
  meta.webhookUrl = `${running.url}/whatsapp`;
  return { url: running.url, sessions: running.app.get(SessionRegistry, { strict: false }) };
}

describe.each(PLATFORMS)('WhatsApp on %s', (platform) => {
  it('answers Meta’s webhook verification', async () => {
    const { url } = await start(platform);
    const ask = async (query: Record<string, string>) => {
      const response = await fetch(`${url}/whatsapp?${new URLSearchParams(query).toString()}`);
      return [response.status, await response.text()];
    };
    const good = {
      'hub.mode': 'subscribe',
      'hub.challenge': '1158201444',
      'hub.verify_token': meta.verifyToken,
    };
    expect(await ask(good)).toEqual([200, '1158201444']);
    for (const wrong of [
      { 'hub.mode': 'unsubscribe' },
      { 'hub.verify_token': 'guess' },
      { 'hub.verify_token': '' },
      { 'hub.challenge': '<b>' },
    ]) {
      expect((await ask({ ...good, ...wrong }))[0]).toBe(403);
    }
    expect((await ask({}))[0]).toBe(403);
  });

  it('makes the runner ready as its only transport', async () => {
    const { url } = await start(platform);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it('answers a call, and talks until the caller hangs up', async () => {
    const { sessions } = await start(platform);
    const caller = await meta.call('call-1');
    const [session] = sessions.live;
    expect(session!.transport).toBe('whatsapp');
    await hearsEcho(caller, { ended: session!.ended });
    expect((await meta.hangUp('call-1')).json).toEqual({
      status: 'success',
      message: 'The call is over.',
    });
    expect(await session!.ended).toMatchObject({ code: 'peer_left' });
    // It is over already.
    expect(meta.acts).toEqual(['pre_accept call-1', 'accept call-1']);
    await caller.leave();
  });

  it('gives the bot the caller’s number', async () => {
    const launcher = new RecordingLauncher();
    await start(platform, { launcher: { useValue: launcher } });
    const caller = await meta.call('call-1', '15550077');
    const { args } = await launcher.nextLaunch();
    expect(args.call_data).toMatchObject({ call_id: 'call-1', from: '15550077', to: '15550002' });
    expect(args.body).toMatchObject({
      id: 'call-1',
      event: 'connect',
      direction: 'USER_INITIATED',
      session: { sdp_type: 'offer' },
    });
    await caller.leave();
  });

  it('reports no hang-up through the API of a call that the caller ended', async () => {
    let outcome: HangUpOutcome | undefined;
    class Late extends BotLauncher {
      async launch(args: RunnerArguments, session: BotSession) {
        const transport = await createTransport(args);
        session.ready();
        await once(session.signal, 'abort');
        outcome = await transport.hangUp();
      }
    }
    const { sessions } = await start(platform, { launcher: { useClass: Late } });
    const caller = await meta.call('call-1');
    const [session] = sessions.live;
    await meta.hangUp('call-1');
    await session!.ended;
    expect(outcome).toEqual({ ok: true, via: 'connection' });
    expect(meta.acts).toEqual(['pre_accept call-1', 'accept call-1']);
    await caller.leave();
  });

  it('hangs up when the bot returns', async () => {
    let outcome: HangUpOutcome | undefined;
    class Curt extends BotLauncher {
      async launch(args: RunnerArguments, session: BotSession) {
        const transport = await createTransport(args);
        session.ready();
        await once(transport, 'connected');
        outcome = await transport.hangUp();
      }
    }
    await start(platform, { launcher: { useClass: Curt } });
    const caller = await meta.call('call-1');
    await meta.asked('terminate call-1');
    await running!.app.close();
    expect(outcome).toEqual({ ok: true, via: 'api' });
    expect(meta.acts.filter((act) => act.startsWith('terminate'))).toHaveLength(1);
    await caller.leave();
  });

  it('hangs up when the session is stopped', async () => {
    const { sessions } = await start(platform);
    const caller = await meta.call('call-1');
    await sessions.live[0]!.end(new SessionEnd('stopped', 'enough'));
    expect(meta.calls.get('call-1')!.state).toBe('over');
    await caller.leave();
  });

  it('starts one bot for a call that is delivered twice (idempotent)', async () => {
    const launcher = new RecordingLauncher();
    const { sessions } = await start(platform, { launcher: { useValue: launcher } });
    const caller = await meta.call('call-1');
    const again = await meta.ring('call-1', meta.calls.get('call-1')!.offer);
    expect(again).toEqual({
      status: 200,
      json: { status: 'success', message: 'The call was answered.' },
    });
    expect(sessions.size).toBe(1);
    await caller.leave();
  });

  it('rejects a call over maxSessions', async () => {
    const launcher = new RecordingLauncher();
    const { sessions } = await start(platform, {
      launcher: { useValue: launcher },
      maxSessions: 1,
    });
    const caller = await meta.call('call-1');
    meta.calls.set('call-2', { offer: BROWSER_OFFER, state: 'ringing', answer: undefined });
    const { status, json } = await meta.ring('call-2', BROWSER_OFFER);
    expect([status, json.message]).toEqual([
      200,
      expect.stringMatching(/^The call was rejected: All 1 sessions/),
    ]);
    expect(meta.calls.get('call-2')!.state).toBe('over');
    expect(sessions.size).toBe(1);
    await caller.leave();
  });

  it('asks the call router before it answers a call', async () => {
    class Router extends CallRouter {
      route({ from, callId }: Parameters<CallRouter['route']>[0]): CallDecision {
        if (from === '15550066') return { refuse: 'busy' };
        return { bot: 'sales', body: { callId, tenant: 'acme' } };
      }
    }
    const launcher = new RecordingLauncher();
    const { sessions } = await start(platform, {
      launcher: { useValue: launcher },
      callRouter: { useClass: Router },
    });
    const caller = await meta.call('call-1', '15550077');
    const { args, session } = await launcher.nextLaunch();
    expect([session.bot, args.body]).toEqual(['sales', { callId: 'call-1', tenant: 'acme' }]);
    meta.calls.set('call-2', { offer: BROWSER_OFFER, state: 'ringing', answer: undefined });
    const { json } = await meta.ring('call-2', BROWSER_OFFER, '15550066');
    expect(json.message).toBe('The call was rejected: The call was refused.');
    expect(meta.calls.get('call-2')!.state).toBe('over');
    expect(sessions.size).toBe(1);
    await caller.leave();
  });

  it.each(['pre_accept', 'accept'])(
    'leaves nothing behind when Meta refuses to %s',
    async (act) => {
      const { sessions } = await start(platform);
      meta.refused.add(act);
      meta.calls.set('call-1', { offer: BROWSER_OFFER, state: 'ringing', answer: undefined });
      const { status, json } = await meta.ring('call-1', BROWSER_OFFER);
      expect([status, json.code]).toEqual([502, 'PROVIDER_REFUSED']);
      expect(json.detail).toMatch(/^Meta answered 400: \(#138000\) \w+ is not possible for \*\*\*/);
      expect(sessions.size).toBe(0);
      await meta.asked('terminate call-1');
      // Meta tries again.
      meta.refused.clear();
      meta.calls.get('call-1')!.state = 'ringing';
      expect((await meta.ring('call-1', BROWSER_OFFER)).status).toBe(200);
    },
  );

  it('starts no bot for a caller who hangs up while it rings', async () => {
    const launcher = new RecordingLauncher();
    const { sessions } = await start(platform, { launcher: { useValue: launcher } });
    meta.calls.set('call-1', { offer: BROWSER_OFFER, state: 'ringing', answer: undefined });
    meta.once('act', () => void meta.hangUp('call-1'));
    meta.refused.add('accept');
    const { status, json } = await meta.ring('call-1', BROWSER_OFFER);
    expect([status, json.message]).toEqual([200, 'The caller hung up.']);
    expect([sessions.size, launcher.launches]).toEqual([0, []]);
  });

  it('refuses webhooks without a valid signature', async () => {
    const { sessions } = await start(platform);
    const ring = meta.about('call-1', {
      event: 'connect',
      session: { sdp: BROWSER_OFFER, sdp_type: 'offer' },
    });
    expect((await meta.tell(ring, 'guess')).status).toBe(401);
    const unsigned = await fetch(meta.webhookUrl, { method: 'POST', body: JSON.stringify(ring) });
    expect(unsigned.status).toBe(401);
    expect(sessions.size).toBe(0);
    expect(meta.acts).toEqual([]);
  });

  it.each<[string, (call: FakeMeta) => unknown, number, RegExp]>([
    ['another object', () => ({ object: 'page', entry: [] }), 422, /object must be whatsapp_bus/],
    ['no entry', () => ({ object: 'whatsapp_business_account' }), 422, /entry must be a list/],
    ['a list', () => [], 422, /must be a JSON object/],
    ['a call without an id', (m) => m.about('', { event: 'connect' }), 422, /calls\[0\]\.id/],
    ['a call without an offer', (m) => m.about('c', { event: 'connect' }), 422, /session must be/],
    [
      'an answer in place of the offer',
      (m) => m.about('c', { event: 'connect', session: { sdp: 'v=0', sdp_type: 'answer' } }),
      422,
      /sdp_type must be offer/,
    ],
    [
      'an offer that is none',
      (m) => m.about('c', { event: 'connect', session: { sdp: 'v=1', sdp_type: 'offer' } }),
      400,
      /v=0/,
    ],
  ])('refuses %s', async (_, payload, expected, detail) => {
    const { sessions } = await start(platform);
    const { status, json } = await meta.tell(payload(meta));
    expect([status, json.detail]).toEqual([expected, expect.stringMatching(detail)]);
    expect(sessions.size).toBe(0);
  });

  it.each<[string, (call: FakeMeta) => unknown]>([
    [
      'messages',
      () => ({ entry: [{ changes: [{ field: 'messages', value: { messages: [{}] } }] }] }),
    ],
    ['statuses', () => ({ entry: [{ changes: [{ field: 'calls', value: { statuses: [{}] } }] }] })],
    ['nothing', () => ({ entry: [null, 7, {}, { changes: [null, 'x'] }] })],
    ['the end of a call that is not known', (m) => m.about('none', { event: 'terminate' })],
    ['a call of another number', (m) => m.about('c', { event: 'connect' }, '42')],
  ])('acknowledges %s', async (_, payload) => {
    const { sessions } = await start(platform);
    const body = { object: 'whatsapp_business_account', ...(payload(meta) as object) };
    const { status, json } = await meta.tell(body);
    expect([status, json.status]).toEqual([200, 'success']);
    expect([sessions.size, meta.acts]).toEqual([0, []]);
  });
});

it('a WhatsApp webhook with 5,000 calls to another number writes one line into the log', async () => {
  await start('fastify');
  const lines = new Lines();
  running!.app.useLogger(lines);
  const change = {
    field: 'calls',
    value: { metadata: { phone_number_id: '42' }, calls: [{ id: 'c', event: 'connect' }] },
  };
  const entry = [{ changes: Array(2_500).fill(change) }, { changes: Array(2_500).fill(change) }];
  const { status } = await meta.tell({ object: 'whatsapp_business_account', entry });
  expect(status).toBe(200);
  expect(lines.all).toEqual([
    'warn 5000 WhatsApp call(s) to another phone number than phoneNumberId; ignored',
  ]);
});

it('WhatsApp names its missing credentials', async () => {
  const module = WhatsAppModule.forRoot({ token: 't' } as never);
  await expect(
    startApp('fastify', [RunnerModule.forRoot({ transports: [module] })]),
  ).rejects.toThrow(
    /phoneNumberId must be.*\(WHATSAPP_PHONE_NUMBER_ID\)[^]*appSecret is needed[^]*verifyToken is/,
  );
  expect(WhatsAppModule.fromEnv({})).toBeUndefined();
  expect(WhatsAppModule.fromEnv({ WHATSAPP_TOKEN: 't' })).toBeDefined();
  expect(WhatsAppModule.fromEnv({}, { required: true })).toBeDefined();
});
