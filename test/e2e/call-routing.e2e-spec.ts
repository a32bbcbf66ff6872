import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  BotLauncher,
  type BotSession,
  type CallDecision,
  CallRouter,
  createTransport,
  type IncomingCall,
  type RunnerArguments,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  type Session,
  SessionHooks,
  type SessionRecord,
  SessionRegistry,
  TelephonyModule,
  type TelephonyOptions,
} from '../../src/index.js';
import { placeCall, RecordingLauncher, startHost, type TestHost } from '../../src/testing/index.js';
import { plivoHeaders, TelnyxAccount, twilioHeaders } from '../support/carrier-signatures.js';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { Lines } from '../support/lines.js';
import { closeOf, connect } from '../support/runner-app.js';

const CARRIERS = ['twilio', 'telnyx', 'plivo'] as const;
const BUSY = 'All lines are busy.';

/** Decides as the test says, and keeps what it was asked. */
class Router extends CallRouter {
  readonly asked: IncomingCall[] = [];

  constructor(
    private readonly decide: (call: IncomingCall) => CallDecision | Promise<CallDecision>,
    keys?: (call: IncomingCall) => string | string[] | undefined,
  ) {
    super();
    // A router that looks up keys has webhooks verified.
    if (keys) this.webhookKeys = keys;
  }

  route(call: IncomingCall): CallDecision | Promise<CallDecision> {
    this.asked.push(call);
    return this.decide(call);
  }
}

class Records extends SessionHooks {
  readonly ends: SessionRecord[] = [];
  readonly refusals: string[] = [];
  ended(record: SessionRecord): void {
    this.ends.push(record);
  }
  override refused({ code, transport, call }: Parameters<SessionHooks['refused']>[0]): void {
    this.refusals.push(`${transport} ${code} ${call?.from}`);
  }
}

let host: TestHost | undefined;
let api: FakeCarrierApi | undefined;
afterEach(async () => {
  await host?.close();
  await api?.close();
  host = api = undefined;
});

type Options = RunnerOptions &
  RunnerModuleExtras & { telephony?: TelephonyOptions; bot?: BotLauncher['launch'] };

async function start(
  router: CallRouter | CallRouter['route'],
  { telephony, bot, ...options }: Options = {},
) {
  const callRouter = typeof router === 'function' ? new Router(router) : router;
  const launcher = new RecordingLauncher(bot);
  const records = new Records();
  const lines = new Lines();
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      callRouter: { useValue: callRouter },
      sessionHooks: { useValue: records },
      transports: [TelephonyModule.forRoot(telephony)],
      ...options,
    }),
    { configure: (app) => app.useLogger(lines) },
  );
  const registry = host.app.get(SessionRegistry, { strict: false });
  return { host, router: callRouter as Router, launcher, records, lines, registry };
}

describe.each(CARRIERS)('a routed call from %s', (carrier) => {
  it.each(['none', 'token'] as const)(
    'is decided before it is answered, and connects to the decision, with webSocketAuth: %s',
    async (webSocketAuth) => {
      const { host, router, launcher, registry } = await start(
        () => ({
          bot: 'sales',
          body: { tenant: 'acme' },
          customParameters: { queue: 'first' },
          principal: { id: 'acme', claims: { plan: 'gold' } },
        }),
        { webSocketAuth, telephony: { customParameters: { region: 'eu' } } },
      );
      const { call } = await host.ring({
        carrier,
        from: '+15550007',
        to: '+15550002',
        path: `/telephony/${carrier}?tenant=acme`,
      });
      expect(router.asked).toEqual([
        {
          transport: carrier,
          stage: 'webhook',
          from: '+15550007',
          to: '+15550002',
          callId: call!.facts.callId,
          fields: expect.objectContaining({ From: '+15550007', To: '+15550002' }),
          query: { tenant: 'acme' },
          signal: expect.any(AbortSignal),
        },
      ]);
      const { args, session } = await launcher.nextLaunch();
      expect(session).toMatchObject({
        bot: 'sales',
        transport: carrier,
        claims: { plan: 'gold' },
      });
      expect(args).toMatchObject({
        body: { tenant: 'acme' },
        call_data: {
          from: '+15550007',
          to: '+15550002',
          call_id: call!.facts.callId,
          body: { region: 'eu', queue: 'first' },
        },
      });
      // Asked once, for the socket belongs to the decision.
      expect(router.asked).toHaveLength(1);
      expect(registry.size).toBe(1);
      await call!.hangUp();
    },
  );

  it.each<[string, CallDecision, RegExp]>([
    ['busy', { refuse: 'busy' }, /<Response><(Reject|Hangup) reason="busy"\/><\/Response>/],
    [
      'rejected',
      { refuse: 'rejected' },
      /<Response><(Reject|Hangup reason="rejected")\/><\/Response>/,
    ],
    [
      'told so',
      { refuse: { say: 'Sorry, <b> & we are "closed".' } },
      /<(Say|Speak)>Sorry, &lt;b&gt; &amp; we are &quot;closed&quot;\.<\/\1><Hangup\/><\/Response>/,
    ],
  ])('that the router refuses is %s', async (_, decision, xml) => {
    const { host, records, registry } = await start(() => decision);
    const answer = await host.ring({ carrier });
    expect(answer).toEqual({ xml: expect.stringMatching(xml), call: undefined });
    expect(registry.size).toBe(0);
    expect(records.refusals).toEqual([`${carrier} CALL_REFUSED +15550001`]);
    expect(records.ends).toEqual([]);
  });

  const unfit: [string, CallRouter['route'], RegExp][] = [
    [
      'throws',
      () => {
        throw new Error('no database');
      },
      /no database/,
    ],
    ['rejects', () => Promise.reject(new Error('no database')), /no database/],
    ['takes too long', () => new Promise(() => undefined), /no decision within 100 ms/],
    ['decides nothing', () => undefined as never, /a decision must be an object/],
    ['decides nonsense', () => ({ bots: 'x' }) as never, /bots of a decision is not known/],
    [
      'gives no duration',
      () => ({ maxDurationMs: 'long' }) as never,
      /maxDurationMs of a decision must be a number/,
    ],
    [
      'gives no account',
      () => ({ credentials: { twilio: {} } }) as never,
      /credentials of a decision must have twilio\.accountSid/,
    ],
  ];
  it.each(unfit)(
    'is told that all lines are busy when the router %s, and the log names the cause',
    async (_, route, reason) => {
      const { host, records, lines, registry } = await start(route, { callRouterTimeoutMs: 100 });
      const { xml, call } = await host.ring({ carrier });
      expect(xml).toContain(BUSY);
      expect(call).toBeUndefined();
      expect(await lines.with('callRouter.route() failed')).toMatch(reason);
      expect(registry.size).toBe(0);
      expect(records.refusals).toEqual([`${carrier} NO_DECISION +15550001`]);
    },
  );

  it('is told that all lines are busy when the tenant’s limit is reached', async () => {
    const { host, records, registry } = await start(({ to }) => ({
      principal: { id: to, maxSessions: 1 },
    }));
    const first = await host.ring({ carrier, to: '+15550002' });
    const second = await host.ring({ carrier, to: '+15550002' });
    const other = await host.ring({ carrier, to: '+15550003' });
    expect(second.xml).toContain(BUSY);
    expect(registry.size).toBe(2);
    expect(records.refusals).toEqual([`${carrier} AT_CAPACITY +15550001`]);
    await first.call!.hangUp();
    await other.call!.hangUp();
  });

  it('ends at the maximum duration of its decision', async () => {
    const { host, records } = await start(() => ({ maxDurationMs: 50 }));
    const { call } = await host.ring({ carrier });
    expect(await call!.closed).toMatchObject({ code: 1000 });
    expect(records.ends).toEqual([expect.objectContaining({ code: 'too_long' })]);
  });

  it('is hung up and transferred with the account of its decision', async () => {
    api = await FakeCarrierApi.start();
    const credentials = api.credentials;
    const bot = async (args: RunnerArguments, session: BotSession): Promise<void> => {
      const transport = await createTransport(args);
      session.ready();
      for await (const key of transport.dtmfIn()) {
        if (key === '1') await transport.transfer('+15550009');
        else await transport.hangUp();
      }
    };
    const { host, records } = await start(() => ({ credentials }), {
      bot,
      publicUrl: 'https://bot.example.com',
      // Which are not the call's.
      telephony: {
        credentials: { twilio: { accountSid: 'AC0', authToken: 'x' } },
        webhookKeys: false,
      },
    });
    api.runnerUrl = host.url;
    const { call } = await host.ring({ carrier });
    const transferred = once(api, 'transferred');
    call!.press('1');
    await transferred;
    await call!.closed;
    const { call: other } = await host.ring({ carrier });
    const ended = once(api, 'ended');
    other!.press('#');
    expect(await ended).toEqual([other!.facts.callId]);
    await other!.closed;
    expect(records.ends.map(({ message }) => message)).toEqual([
      'The call was transferred.',
      expect.stringMatching(/hung up/),
    ]);
  });

  it('that never connects expires', async () => {
    const { host, registry } = await start(() => ({}), { pendingTtlMs: 50 });
    await fetch(`${host.url}/telephony/${carrier}`, { method: 'POST' });
    const [session] = registry.live as [Session];
    expect(await session.ended).toMatchObject({ code: 'expired' });
  });
});

describe('webhook keys of the call router', () => {
  const keys = { acme: 'acme-token', other: 'other-token' };
  const keyed = () =>
    new Router(
      () => ({ body: 'taken' }),
      ({ query, to }) => (to === '+1' ? [] : keys[query.tenant as keyof typeof keys]),
    );

  it.each([
    ['twilio', twilioHeaders],
    ['plivo', plivoHeaders],
  ] as const)('of %s are separate for each tenant', async (carrier, sign) => {
    const { host, router, launcher } = await start(keyed(), {
      telephony: { webhookKeys: { [carrier]: 'module-token' } },
    });
    const ring = (tenant: string, key: string, to = '+15550002') =>
      host.ring({
        carrier,
        to,
        path: `/telephony/${carrier}?tenant=${tenant}`,
        headers: (url, fields) => sign(key, url, fields),
      });
    const { call } = await ring('acme', 'acme-token');
    await launcher.nextLaunch();
    await call!.hangUp();
    for (const [tenant, key] of [
      ['acme', 'other-token'],
      ['acme', 'module-token'],
      ['nobody', 'acme-token'],
    ] as const) {
      await expect(ring(tenant, key)).rejects.toThrow(/answered 401/);
    }
    // No key at all lets nobody in.
    await expect(ring('acme', 'acme-token', '+1')).rejects.toThrow(/answered 401/);
    // A router that gives none leaves it to the module.
    const { call: shared } = await ring('nobody', 'module-token');
    await shared!.hangUp();
    // A call that is not signed is not routed.
    expect(router.asked).toHaveLength(2);
  });

  it('of Telnyx are public keys', async () => {
    const account = new TelnyxAccount();
    const { host } = await start(
      new Router(
        () => ({}),
        () => account.publicKey,
      ),
    );
    const headers = (_: string, __: object, body: string) => account.headers(body);
    const { call } = await host.ring({ carrier: 'telnyx', headers });
    await call!.hangUp();
    await expect(host.ring({ carrier: 'telnyx' })).rejects.toThrow(/answered 401/);
    await host.close();
    const wrong = await start(
      new Router(
        () => ({}),
        () => 'c2hvcnQ=',
      ),
    );
    await expect(wrong.host.ring({ carrier: 'telnyx', headers })).rejects.toThrow(/answered 401/);
  });

  it('that cannot be looked up refuse the call', async () => {
    const { host, lines, router } = await start(
      new Router(
        () => ({}),
        () => {
          throw new Error('no database');
        },
      ),
    );
    expect((await host.ring({ carrier: 'twilio' })).xml).toContain(BUSY);
    expect(await lines.with('callRouter.webhookKeys() failed')).toMatch(/no database/);
    expect(router.asked).toEqual([]);
  });
});

describe('a routed call without a webhook', () => {
  const byExotel = (url: string) =>
    placeCall({
      carrier: 'exotel',
      url: `${url.replace('http', 'ws')}/ws?line=7`,
      from: '+15550007',
      to: '+15550002',
    });

  it('is decided when it connects', async () => {
    const { host, router, launcher } = await start(() => ({
      bot: 'sales',
      body: { tenant: 'acme' },
      customParameters: { queue: 'first' },
      principal: { id: 'acme', claims: { plan: 'gold' } },
    }));
    const call = await byExotel(host.url);
    await call.speak(new Int16Array(800), { pace: 'asap' });
    const { args, session } = await launcher.nextLaunch();
    expect(router.asked).toEqual([
      {
        transport: 'exotel',
        stage: 'connection',
        from: '+15550007',
        to: '+15550002',
        callId: call.facts.callId,
        fields: expect.objectContaining({ account_sid: 'exotel1' }),
        query: { line: '7' },
        signal: expect.any(AbortSignal),
      },
    ]);
    expect(session).toMatchObject({ bot: 'sales', claims: { plan: 'gold' } });
    expect(args).toMatchObject({
      body: { tenant: 'acme' },
      call_data: { from: '+15550007', body: { queue: 'first' } },
    });
    await call.hangUp();
  });

  it.each<[string, CallRouter['route'], object, object]>([
    [
      'refused',
      () => ({ refuse: 'busy' }),
      { code: 1000 },
      { code: 'stopped', refusal: 'CALL_REFUSED' },
    ],
    [
      'not decided about',
      () => Promise.reject(new Error('no database')),
      { code: 1011 },
      { code: 'start_failed', refusal: 'NO_DECISION' },
    ],
    [
      'one too many for its tenant',
      () => ({ principal: { id: 'acme', maxSessions: 0 } }),
      { code: 1013 },
      { code: 'start_failed', refusal: 'AT_CAPACITY' },
    ],
  ])('that is %s is closed and recorded once', async (_, route, close, end) => {
    const { host, launcher, records, registry } = await start(route);
    const call = await byExotel(host.url);
    expect(await call.closed).toMatchObject(close);
    expect(launcher.launches).toEqual([]);
    expect(registry.size).toBe(0);
    expect(records.ends).toEqual([
      expect.objectContaining({
        ...end,
        call: expect.objectContaining({ from: '+15550007', to: '+15550002' }),
      }),
    ]);
    expect(records.refusals).toEqual([]);
  });

  it('starts no bot when the caller hangs up before the decision', async () => {
    let decide!: (decision: CallDecision) => void;
    const { host, launcher, records } = await start(
      () => new Promise<CallDecision>((resolve) => (decide = resolve)),
    );
    const call = await byExotel(host.url);
    await call.hangUp();
    const registry = host.app.get(SessionRegistry, { strict: false });
    while (registry.size > 0) await registry.live[0]!.ended;
    decide({});
    await new Promise((resolve) => setImmediate(resolve));
    expect(launcher.launches).toEqual([]);
    expect(records.ends).toEqual([expect.objectContaining({ code: 'peer_left' })]);
  });

  it('holds a slot of its tenant until it ends', async () => {
    const { host, launcher } = await start(() => ({ principal: { id: 'acme', maxSessions: 1 } }));
    const first = await byExotel(host.url);
    const { session } = await launcher.nextLaunch();
    expect(await (await byExotel(host.url)).closed).toMatchObject({ code: 1013 });
    await first.hangUp();
    await (session as Session).ended;
    const third = await byExotel(host.url);
    await launcher.nextLaunch();
    await third.hangUp();
  });

  it('is decided for clients that connect to the media WebSocket directly', async () => {
    const { host, router, launcher } = await start(() => ({ bot: 'sales' }));
    const call = await placeCall({
      carrier: 'twilio',
      url: `${host.url.replace('http', 'ws')}/ws`,
    });
    expect((await launcher.nextLaunch()).session.bot).toBe('sales');
    expect(router.asked).toMatchObject([{ transport: 'twilio', stage: 'connection' }]);
    await call.hangUp();
  });
});

describe('a session that the host starts', () => {
  it('is not routed', async () => {
    const { host, router, launcher } = await start(() => ({ refuse: 'rejected' }));
    const call = await host.call({ carrier: 'twilio', body: 'mine' });
    expect((await launcher.nextLaunch()).args.body).toBe('mine');
    expect(router.asked).toEqual([]);
    await call.hangUp();
  });
});

describe('a host without a call router', () => {
  it('accepts every call', async () => {
    host = await startHost(
      RunnerModule.forRoot({
        launcher: RecordingLauncher,
        transports: [TelephonyModule.forRoot()],
      }),
      { logger: false },
    );
    const { xml, call } = await host.ring({ carrier: 'twilio' });
    expect(xml).toContain(`<Stream url="wss://${new URL(host.url).host}/ws">`);
    await call!.hangUp();
  });
});

describe('a call router', () => {
  @Injectable()
  class Numbers {
    readonly bots: Record<string, string> = { '+15550002': 'sales' };
  }
  @Module({ providers: [Numbers], exports: [Numbers] })
  class NumbersModule {}

  @Injectable()
  class NumbersRouter extends CallRouter {
    constructor(private readonly numbers: Numbers) {
      super();
    }
    async route({ to = '' }: IncomingCall): Promise<CallDecision> {
      const bot = this.numbers.bots[to];
      return bot === undefined ? { refuse: 'rejected' } : { bot };
    }
  }

  it('is a class of the host with injected dependencies', async () => {
    const launcher = new RecordingLauncher();
    host = await startHost(
      RunnerModule.forRoot({
        launcher: { useValue: launcher },
        callRouter: NumbersRouter,
        imports: [NumbersModule],
        transports: [TelephonyModule.forRoot()],
      }),
      { logger: false },
    );
    expect((await host.ring({ carrier: 'plivo', to: '+15550003' })).call).toBeUndefined();
    const { call } = await host.ring({ carrier: 'plivo', to: '+15550002' });
    expect((await launcher.nextLaunch()).session.bot).toBe('sales');
    await call!.hangUp();
  });

  it('can be overridden in a test', async () => {
    const builder = Test.createTestingModule({
      imports: [
        RunnerModule.forRoot({
          callRouter: NumbersRouter,
          imports: [NumbersModule],
          transports: [TelephonyModule.forRoot()],
        }),
      ],
    }).overrideProvider(CallRouter);
    const module = await builder.useValue(new Router(() => ({ refuse: 'busy' }))).compile();
    const app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    const response = await fetch(`${await app.getUrl()}/telephony/twilio`, { method: 'POST' });
    expect(await response.text()).toContain('<Reject reason="busy"/>');
    await app.close();
  });
});

it('a media WebSocket with the session id of another call’s decision is refused', async () => {
  const { host, registry } = await start(() => ({}));
  const { call } = await host.ring({ carrier: 'twilio' });
  const [session] = registry.live as [Session];
  const url = `${host.url.replace('http', 'ws')}/ws/${session.id}`;
  expect(await closeOf(await connect(url))).toMatchObject({ code: 4003 });
  await call!.hangUp();
});
