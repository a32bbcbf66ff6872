import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  InMemoryCallLimits,
  type MediaTransport,
  ProcessBotLauncher,
  type RunnerArguments,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  type SessionEnd,
  SessionRegistry,
  TelephonyModule,
  type TelephonyOptions,
  WebSocketModule,
} from '../../src/index.js';
import { type TransferOutcome } from '../../src/bot.js';
import { type FakeCall, startHost, type TestHost } from '../../src/testing/index.js';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { Lines } from '../support/lines.js';

const CARRIERS = ['twilio', 'telnyx', 'plivo'] as const;

/** Transfers its caller at a key: to what the digits before it stand for. */
class Operator extends BotLauncher {
  readonly outcomes: TransferOutcome[] = [];
  readonly ends: Promise<SessionEnd>[] = [];
  readonly reasons: string[] = [];
  readonly transports: MediaTransport[] = [];
  private readonly events = new EventEmitter<{ changed: [] }>();

  constructor(private readonly targets: Record<string, string>) {
    super();
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const { signal } = session;
    this.ends.push(
      new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve(signal.reason as SessionEnd)),
      ),
    );
    const transport = await createTransport(args);
    this.transports.push(transport);
    this.events.emit('changed');
    transport.on('disconnected', ({ reason }) => this.reasons.push(reason));
    session.ready();
    for await (const key of transport.dtmfIn()) {
      const callerId = CALLER_IDS[key];
      this.outcomes.push(await transport.transfer(this.targets[key] ?? key, { callerId }));
      this.events.emit('changed');
    }
  }

  /** End of the first session. */
  async end(): Promise<SessionEnd> {
    await this.reached({ callers: 1 });
    return this.ends[0]!;
  }

  /** Resolves once so many transfers have been tried, and so many callers are there. */
  async reached({ outcomes = 0, callers = 0 }): Promise<void> {
    while (this.outcomes.length < outcomes || this.transports.length < callers) {
      await once(this.events, 'changed');
    }
  }
}

const CALLER_IDS: Record<string, string> = { '8': 'sip:me@example.com', '9': '+15550100' };
const TARGETS = {
  '1': '+15550009',
  '2': 'sip:desk@example.com;transport=tls',
  '8': '+15550009',
  '9': '+15550009',
};

let api: FakeCarrierApi;
let host: TestHost | undefined;
beforeEach(async () => void (api = await FakeCarrierApi.start()));
afterEach(async () => {
  await host?.close();
  host = undefined;
  await api.close();
});

async function start(
  bot: BotLauncher,
  {
    telephony,
    ...options
  }: RunnerOptions & RunnerModuleExtras & { telephony?: TelephonyOptions } = {},
  logger?: Lines,
): Promise<TestHost> {
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useValue: bot },
      transports: [
        WebSocketModule.forRoot(),
        TelephonyModule.forRoot({ credentials: api.credentials, ...telephony }),
      ],
      publicUrl: 'https://bot.example.com',
      ...options,
    }),
    { logger: false, configure: (app) => void (logger && app.useLogger(logger)) },
  );
  api.runnerUrl = host.url;
  return host;
}

/** As the carriers do once a call has other instructions. */
const takeAway = (call: FakeCall) => call.hangUp();

describe.each(CARRIERS)('a transfer by %s', (carrier) => {
  it.each([
    ['a number', '1', carrier === 'plivo' ? '15550009' : '+15550009'],
    ['a SIP URI', '2', 'sip:desk@example.com;transport=tls'],
  ])('connects the caller to %s, and completes the session', async (_, key, target) => {
    const bot = new Operator(TARGETS);
    const call = await (await start(bot)).call({ carrier });
    const transferred = once(api, 'transferred');
    call.press(key);
    expect(await transferred).toEqual([{ callId: call.facts.callId, target }]);
    expect(await bot.end()).toMatchObject({
      code: 'completed',
      message: 'The call was transferred.',
    });
    expect(await call.closed).toMatchObject({ code: 1000 });
    expect(bot.outcomes).toEqual([{ ok: true }]);
    expect(bot.reasons).toEqual(['closed']);
    // It is somebody else's call now.
    expect(api.over.size).toBe(0);
  });

  it('completes the session when the carrier takes the call before it answers', async () => {
    const bot = new Operator(TARGETS);
    const call = await (await start(bot)).call({ carrier });
    api.whenTransferred = () => takeAway(call);
    call.press('1');
    expect(await bot.end()).toMatchObject({
      code: 'completed',
      message: 'The call was transferred.',
    });
    expect(bot.reasons).toEqual(['closed']);
  });

  it('fails when the caller hangs up meanwhile', async () => {
    const bot = new Operator(TARGETS);
    const call = await (await start(bot)).call({ carrier });
    api.over.add(call.facts.callId);
    api.whenAsked = () => call.hangUp();
    call.press('1');
    expect(await bot.end()).toMatchObject({ code: 'peer_left' });
    expect(bot.reasons).toEqual(['peer_left']);
  });

  it.each<[string, Parameters<FakeCarrierApi['misbehaviours']['push']>[0], RegExp]>([
    ['fails', { status: 500 }, / answered 500$/],
    ['breaks off', 'cut', / could not be reached/],
    ['refuses', { status: 400, body: { message: 'no such +15550009' } }, /400: no such \*\*\*$/],
  ])('leaves the caller with the bot when the API %s', async (_, how, error) => {
    const bot = new Operator(TARGETS);
    const call = await (await start(bot)).call({ carrier });
    api.misbehaviours.push(how);
    call.press('1');
    const transferred = once(api, 'transferred');
    await bot.reached({ outcomes: 1 });
    expect(bot.outcomes[0]).toEqual({ ok: false, error: expect.stringMatching(error) });
    expect(api.requests).toHaveLength(1);
    expect(bot.transports[0]!.state).toBe('connected');
    // It goes on, and can be tried again.
    call.press('1');
    await transferred;
    expect(await bot.end()).toMatchObject({ message: 'The call was transferred.' });
  });

  it.each(['nobody', '+15550009<+1900', 'sip:a@b"/></Dial><Dial>+1900'])(
    'refuses an invalid target without asking the API: %s',
    async (target) => {
      const bot = new Operator({ '1': target });
      const call = await (await start(bot)).call({ carrier });
      call.press('1');
      await bot.reached({ outcomes: 1 });
      expect(bot.outcomes).toEqual([
        { ok: false, error: expect.stringMatching(/^The target must be a phone number in E\.164/) },
      ]);
      expect(api.requests).toEqual([]);
      await call.hangUp();
      expect(await bot.end()).toMatchObject({ code: 'peer_left' });
    },
  );

  it('refuses destinations that the tenant may not call', async () => {
    const bot = new Operator({ '1': '+1900555', '2': '+15550009' });
    const callLimits = { useValue: new InMemoryCallLimits({ blockedDestinations: ['+1900'] }) };
    const call = await (await start(bot, { callLimits })).call({ carrier });
    call.press('1');
    await bot.reached({ outcomes: 1 });
    expect(bot.outcomes).toEqual([{ ok: false, error: 'This destination may not be called.' }]);
    expect(api.requests).toEqual([]);
    call.press('2');
    expect(await bot.end()).toMatchObject({ message: 'The call was transferred.' });
  });

  it('works for a bot in a process of its own', async () => {
    const lines = new Lines();
    const bot = new ProcessBotLauncher({ module: 'test/support/bots/obedient-bot.js' });
    const running = await start(bot, {}, lines);
    const call = await running.call({ carrier, body: { do: 'transfer' } });
    expect(await lines.with('can transfer')).toMatch(/can transfer: true/);
    call.press('2');
    expect(await lines.with('transferred: {')).toMatch(/"ok":false,"error":"The target must be/);
    const registry = running.app.get(SessionRegistry, { strict: false });
    const [session] = registry.live;
    api.whenTransferred = () => takeAway(call);
    call.press('1');
    expect(await session!.ended).toMatchObject({
      code: 'completed',
      message: 'The call was transferred.',
    });
    expect(await lines.with('"ok":true')).toMatch(/transferred: \{"ok":true\}/);
  });
});

describe('a transfer', () => {
  it('is refused with a caller id that is no number', async () => {
    const bot = new Operator(TARGETS);
    const running = await start(bot);
    (await running.call({ carrier: 'twilio' })).press('8');
    await bot.reached({ outcomes: 1 });
    expect(bot.outcomes).toEqual([
      { ok: false, error: expect.stringMatching(/^callerId must be a number in E\.164/) },
    ]);
    expect(api.requests).toEqual([]);
  });

  it('shows the requested caller id', async () => {
    const bot = new Operator(TARGETS);
    const running = await start(bot);
    for (const carrier of CARRIERS) (await running.call({ carrier })).press('9');
    await bot.reached({ outcomes: 3 });
    const xml = (path: string, name: string) =>
      new URLSearchParams(api.requests.find((one) => one.path.startsWith(path))?.body).get(name);
    expect(xml('/2010-04-01', 'Twiml')).toContain('callerId="+15550100"');
    expect(xml('/texml', 'Texml')).toContain('callerId="+15550100"');
  });

  it('uses a call command when the account of Telnyx is unknown', async () => {
    const { apiKey, apiUrl } = api.credentials.telnyx;
    const bot = new Operator(TARGETS);
    const running = await start(bot, {
      telephony: { credentials: { telnyx: { apiKey, apiUrl } } },
    });
    (await running.call({ carrier: 'telnyx' })).press('9');
    await once(api, 'transferred');
    expect(api.requests[0]).toMatchObject({
      path: expect.stringMatching(/^\/calls\/.*\/actions\/transfer$/),
      body: '{"to":"+15550009","from":"+15550100"}',
    });
  });

  it('names the missing public URL when Plivo cannot fetch the document', async () => {
    const bot = new Operator(TARGETS);
    const call = await (await start(bot, { publicUrl: undefined })).call({ carrier: 'plivo' });
    call.press('1');
    await bot.reached({ outcomes: 1 });
    expect(bot.outcomes).toEqual([
      { ok: false, error: expect.stringMatching(/set publicUrl in RunnerModule/) },
    ]);
    await call.hangUp();
  });

  it('is refused without a carrier that supports it, or without credentials', async () => {
    const bot = new Operator({ '0': '+15550009' });
    const running = await start(bot, { telephony: { credentials: {} } });
    const call = await running.call({ carrier: 'twilio' });
    const exotel = await running.call({ carrier: 'exotel' });
    for (const one of [call, exotel]) one.press('0');
    const client = await running.connect();
    await bot.reached({ callers: 3, outcomes: 2 });
    const refusal = { ok: false, error: expect.stringMatching(/^This call cannot be transferred/) };
    expect(bot.outcomes).toEqual([refusal, refusal]);
    expect(bot.transports.map(({ canTransfer }) => canTransfer)).toEqual([false, false, false]);
    expect(await bot.transports[2]!.transfer('+15550009')).toEqual(refusal);
    await client.leave();
  });

  it('is exclusive while running, and refused after the end', async () => {
    const bot = new Operator({});
    const call = await (await start(bot)).call({ carrier: 'twilio' });
    await bot.reached({ callers: 1 });
    const [transport] = bot.transports as [MediaTransport];
    expect(transport.canTransfer).toBe(true);
    const outcomes = await Promise.all([
      transport.transfer('+15550001'),
      transport.transfer('+15550002'),
    ]);
    expect(outcomes).toEqual([
      { ok: true },
      { ok: false, error: 'The call is being transferred already.' },
    ]);
    expect(await transport.transfer('+15550003')).toEqual({
      ok: false,
      error: 'The call is over.',
    });
    await call.closed;
  });
});
