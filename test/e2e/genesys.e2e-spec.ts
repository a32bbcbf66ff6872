import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  type MediaTransport,
  type Session,
  type RunnerArguments,
  CallRouter,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionHooks,
  SessionRegistry,
  TelephonyModule,
} from '../../src/index.js';
import { MULAW } from '../../src/media/codecs/g711.js';
import { startHost, type TestHost } from '../../src/testing/index.js';
import { EXTERNAL, FakeGenesys, type GenesysOptions } from '../support/fake-genesys.js';
import { tone } from '../support/sound.js';

/** Says what it hears, and does what a test wants. */
class Bot extends BotLauncher {
  readonly heard: Int16Array[] = [];
  readonly keys: string[] = [];
  readonly messages: unknown[] = [];
  session!: BotSession;
  args!: RunnerArguments;
  private readonly begin = withResolvers<MediaTransport>();
  readonly transport = this.begin.promise;
  private readonly done = withResolvers<void>();
  readonly ended = withResolvers<string>();

  /** @param beforeMs how long it takes to get there */
  constructor(
    private readonly echoes = true,
    private readonly beforeMs = 0,
  ) {
    super();
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    Object.assign(this, { session, args });
    if (this.beforeMs > 0) await setTimeout(this.beforeMs, undefined, { signal: session.signal });
    const transport = await createTransport(args, { sampleRateHz: 8_000 });
    session.ready();
    transport.on('audio', (frame) => {
      this.heard.push(frame.pcm);
      if (this.echoes) void transport.sendAudio(frame);
    });
    transport.on('dtmf', (key) => this.keys.push(key));
    transport.on('message', (message) => this.messages.push(message));
    transport.on('disconnected', ({ reason }) => this.ended.resolve(reason));
    this.begin.resolve(transport);
    await Promise.race([once(session.signal, 'abort'), this.done.promise]);
  }

  leave(): void {
    this.done.resolve();
  }
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((r) => (resolve = r));
  return { promise, resolve };
}

let host: TestHost | undefined;
afterEach(async () => {
  await host?.close();
  host = undefined;
});

async function start(
  options: Partial<GenesysOptions> = {},
  telephony: Parameters<typeof TelephonyModule.forRoot>[0] = {},
  bot: BotLauncher = new Bot(),
  more: RunnerOptions & RunnerModuleExtras = {},
) {
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useValue: bot },
      transports: [TelephonyModule.forRoot(telephony)],
      ...more,
    }),
    { logger: false },
  );
  const call = new FakeGenesys({ url: `${host.url.replace('http', 'ws')}/ws`, ...options });
  return { bot: bot as Bot, call };
}

/** Another call to the same runner. */
const callAgain = (options: Partial<GenesysOptions> = {}): FakeGenesys =>
  new FakeGenesys({ url: `${host!.url.replace('http', 'ws')}/ws`, ...options });

const sessions = (): SessionRegistry => host!.app.get(SessionRegistry, { strict: false });

/** A message of the caller, a fifth of a second. */
const voice = MULAW.encode(tone(440, 8_000, 0.2));

describe('a call from Genesys', () => {
  it('is opened, talks both ways and is closed in the order of the protocol', async () => {
    const { bot, call } = await start({ inputVariables: { plan: 'gold' }, pingIntervalMs: 100 });
    await call.next('opened');
    expect(call.opened).toEqual(EXTERNAL);
    await bot.transport;
    expect(bot.args).toMatchObject({
      transport_type: 'genesys',
      call_data: {
        stream_id: call.id,
        call_id: call.conversationId,
        from: '+15550001',
        to: '+15550002',
        body: { plan: 'gold' },
        organization_id: call.organizationId,
        language: 'en-US',
      },
    });
    for (let i = 0; i < 10; i++) call.speak(voice);
    call.send('dtmf', { digit: '5' });
    await call.heard(voice.length * 10);
    expect(bot.keys).toEqual(['5']);
    await call.next('pong');
    (await bot.transport).clear();
    expect(await call.next('event')).toMatchObject({
      parameters: { entities: [{ type: 'barge_in', data: {} }] },
    });
    call.close('end');
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    await expect(bot.ended.promise).resolves.toBe('peer_left');
    expect(call.violations).toEqual([]);
    expect(call.pongs).toBeGreaterThan(1);
  });

  it('is sent no more messages than Genesys takes', async () => {
    const { bot, call } = await start();
    await call.next('opened');
    const transport = await bot.transport;
    const speech = { pcm: tone(300, 8_000, 3), sampleRateHz: 8_000 };
    await transport.sendAudio(speech);
    await call.heard(22_000);
    expect(call.violations).toEqual([]);
    call.close('end');
    await call.closed;
  });

  it.each<[string, (bot: Bot) => Promise<unknown> | void, string]>([
    ['hangs up', async (bot) => (await bot.transport).hangUp(), 'finished'],
    ['closes the transport', async (bot) => (await bot.transport).close(), 'transfer'],
    ['returns', (bot) => bot.leave(), 'transfer'],
    [
      'is stopped',
      (bot) => fetch(`${host!.url}/sessions/${bot.session.id}`, { method: 'DELETE' }),
      'transfer',
    ],
  ])('is disconnected when its bot %s, and closed by Genesys', async (_, end, action) => {
    const { bot, call } = await start();
    await bot.transport;
    await end(bot);
    expect(await call.next('disconnect')).toMatchObject({
      parameters: { reason: 'completed', outputVariables: { action } },
    });
    await call.next('closed');
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    expect(call.messages.filter(({ type }) => type === 'disconnect')).toHaveLength(1);
    expect(call.violations).toEqual([]);
  });

  it('is closed on when Genesys does not close it in five seconds', async () => {
    const { bot, call } = await start({ ignoresDisconnect: true });
    await bot.transport;
    bot.leave();
    await call.next('disconnect');
    const askedAtMs = performance.now();
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    expect(performance.now() - askedAtMs).toBeGreaterThan(4_500);
  });

  it.each([
    ['the caller alone', [{ ...EXTERNAL, channels: ['external', 'internal'] }, EXTERNAL], 1],
    ['the left of two channels', [{ ...EXTERNAL, channels: ['external', 'internal'] }], 2],
    ['the right of two channels', [{ ...EXTERNAL, channels: ['internal', 'external'] }], 2],
  ])('has the bot hear %s', async (_, media, channels) => {
    const { bot, call } = await start({ media }, {}, new Bot(false));
    await call.next('opened');
    await bot.transport;
    expect(call.opened!.channels).toHaveLength(channels);
    const external = MULAW.encode(Int16Array.from({ length: 160 }, () => 8_000));
    const internal = MULAW.encode(new Int16Array(160));
    const first = call.opened!.channels[0] === 'external' ? external : internal;
    const second = first === external ? internal : external;
    const interleaved = Buffer.alloc(320);
    for (let i = 0; i < 160; i++) interleaved.set([first[i]!, second[i]!], 2 * i);
    call.speak(channels === 1 ? external : interleaved);
    call.send('dtmf', { digit: '1' });
    while (bot.keys.length === 0) await setTimeout(5);
    const heard = bot.heard.flatMap((pcm) => [...pcm]);
    expect(heard).toHaveLength(160);
    expect(Math.min(...heard)).toBeGreaterThan(7_500);
    call.close('end');
    await call.closed;
    expect(call.violations).toEqual([]);
  });

  it('carries messages of the protocol both ways, numbered, and nothing while it is paused', async () => {
    const { bot, call } = await start({}, {}, new Bot(false));
    const transport = await bot.transport;
    await call.next('opened');
    expect(transport.sendMessage({ hello: 1 })).toBe(false);
    expect(transport.sendMessage({ label: 'rtvi-ai', version: '2', type: 'x' })).toBe(false);
    const entities = [{ type: 'transcript', data: { text: 'hi' } }];
    expect(transport.sendMessage({ version: '2', type: 'event', parameters: { entities } })).toBe(
      true,
    );
    expect(await call.next('event')).toMatchObject({ seq: 2, parameters: { entities } });
    call.send('paused');
    call.send('update', { language: 'de-DE' });
    call.send('dtmf', { digit: '1' });
    while (bot.keys.length < 1) await setTimeout(5);
    expect(bot.messages).toMatchObject([
      { type: 'paused' },
      { type: 'update', parameters: { language: 'de-DE' } },
    ]);
    await transport.sendAudio({ pcm: tone(300, 8_000, 0.4), sampleRateHz: 8_000 });
    call.send('resumed', { start: 'PT0S', discarded: 'PT1S' });
    call.send('dtmf', { digit: '2' });
    while (bot.keys.length < 2) await setTimeout(5);
    expect(call.audioBytes).toBe(0);
    await transport.sendAudio({ pcm: tone(300, 8_000, 0.4), sampleRateHz: 8_000 });
    await call.heard(1_600);
    transport.sendMessage({
      version: '2',
      type: 'disconnect',
      parameters: { reason: 'completed', outputVariables: { intent: 'billing' } },
    });
    await call.closed;
    expect(call.messages.filter(({ type }) => type === 'disconnect')).toMatchObject([
      { parameters: { outputVariables: { intent: 'billing' } } },
    ]);
    expect(call.violations).toEqual([]);
  });

  it('that opens late is answered once createTransport has detected it', async () => {
    const { bot, call } = await start(
      { openDelayMs: 1_500, pingIntervalMs: 100 },
      { unknownCallers: 'bot' },
    );
    await call.next('opened');
    const transport = await bot.transport;
    expect(bot.args).toMatchObject({ transport_type: 'genesys', call_data: { from: '+15550001' } });
    call.speak(voice);
    await call.heard(voice.length);
    await call.next('pong');
    await expect(transport.hangUp()).resolves.toEqual({ ok: true, via: 'connection' });
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    expect(call.messages.filter(({ type }) => type === 'disconnect')).toMatchObject([
      { parameters: { outputVariables: { action: 'finished' } } },
    ]);
    expect(call.violations).toEqual([]);
  });

  it('is not sent audio after a disconnect of the bot itself', async () => {
    const { bot, call } = await start({ ignoresDisconnect: true }, {}, new Bot(false));
    const transport = await bot.transport;
    transport.sendMessage({
      version: '2',
      type: 'disconnect',
      parameters: { reason: 'completed' },
    });
    await transport.sendAudio({ pcm: tone(300, 8_000, 0.4), sampleRateHz: 8_000 });
    expect(transport.sendMessage({ version: '2', type: 'event', parameters: {} })).toBe(false);
    await call.next('disconnect');
    call.close('end');
    await call.closed;
    expect(call.audioBytes).toBe(0);
    expect(call.violations).toEqual([]);
  });

  it('starts no bot when nothing on offer is understood', async () => {
    const { bot, call } = await start({ media: [{ ...EXTERNAL, format: 'L16' }] });
    await expect(call.closed).resolves.toMatchObject({
      code: 1008,
      reason: expect.stringMatching(/^Genesys offers no audio that is understood/),
    });
    expect(bot.session).toBeUndefined();
    expect(call.messages).toEqual([]);
  });
});

describe('a slow bot', () => {
  it('keeps its call: open and pings are answered, and what comes before it listens is kept', async () => {
    const { bot, call } = await start(
      { timeoutMs: 1_000, pingIntervalMs: 100 },
      {},
      new Bot(true, 2_500),
    );
    await call.next('opened');
    call.speak(voice);
    call.send('dtmf', { digit: '5' });
    await bot.transport;
    await call.heard(voice.length);
    expect(bot.keys).toEqual(['5']);
    expect(call.pongs).toBeGreaterThan(5);
    call.close('end');
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    expect(call.messages.filter(({ type }) => type === 'opened')).toHaveLength(1);
    expect(call.violations).toEqual([]);
  });

  it('is kept no more of than fits, while its pings are answered', async () => {
    const { bot, call } = await start(
      { timeoutMs: 1_000, pingIntervalMs: 100 },
      {},
      new Bot(false, 2_500),
    );
    await call.next('opened');
    for (let i = 0; i < 100; i++) call.speak(voice);
    call.send('dtmf', { digit: '7' });
    await bot.transport;
    while (bot.keys.length === 0) await setTimeout(5);
    const heard = bot.heard.reduce((sum, { length }) => sum + length, 0);
    expect(heard).toBeGreaterThan(voice.length * 10);
    expect(heard).toBeLessThan(voice.length * 50);
    call.close('end');
    await call.closed;
    expect(call.violations).toEqual([]);
  });

  it('is stopped by a caller who hangs up before it listens', async () => {
    const { bot, call } = await start({}, {}, new Bot(true, 60_000));
    await call.next('opened');
    while (!bot.session) await setTimeout(5);
    call.close('end');
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    await expect((bot.session as Session).ended).resolves.toMatchObject({ code: 'peer_left' });
    expect(call.violations).toEqual([]);
  });

  it('that fails before it listens has its call disconnected', async () => {
    class Failing extends BotLauncher {
      launch(): Promise<void> {
        return Promise.reject(new Error('no model'));
      }
    }
    const { call } = await start({}, {}, new Failing());
    await call.next('disconnect');
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    expect(call.violations).toEqual([]);
  });

  it('is not waited for by a caller who hangs up right after open', async () => {
    const { bot, call } = await start({ closesAtOnce: true });
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    await expect((bot.session as Session).ended).resolves.toMatchObject({ code: 'peer_left' });
    expect(call.messages.map(({ type }) => type)).toEqual(['opened', 'closed']);
    expect(call.violations).toEqual([]);
  });
});

describe('the connection probe of Genesys', () => {
  class Router extends CallRouter {
    asked = 0;
    route() {
      this.asked++;
      return {};
    }
  }

  class Hooks extends SessionHooks {
    records = 0;
    ended(): void {
      this.records++;
    }
    override refused(): void {
      this.records++;
    }
  }

  it('is opened and closed; no bot starts, nobody is asked, and nothing is counted', async () => {
    const router = new Router();
    const hooks = new Hooks();
    const { bot, call } = await start({ isProbe: true }, {}, new Bot(), {
      callRouter: { useValue: router },
      sessionHooks: { useValue: hooks },
    });
    await expect(call.closed).resolves.toMatchObject({ code: 1000 });
    expect(call.messages.map(({ type }) => type)).toEqual(['opened', 'closed']);
    expect(call.violations).toEqual([]);
    expect(bot.session).toBeUndefined();
    expect(sessions().size).toBe(0);
    expect(sessions().history.all).toEqual([]);
    expect(router.asked).toBe(0);
    await host!.close();
    expect(hooks.records).toBe(0);
  });

  it('holds no place while its connection is open', async () => {
    const { bot, call: probe } = await start(
      { isProbe: true, closeDelayMs: 60_000 },
      {},
      new Bot(),
      { maxSessions: 1 },
    );
    await probe.next('opened');
    const call = callAgain();
    await call.next('opened');
    await bot.transport;
    call.close('end');
    await call.closed;
    expect(probe.messages).toHaveLength(1);
    probe.close('end');
    await expect(probe.closed).resolves.toMatchObject({ code: 1000 });
    expect([...call.violations, ...probe.violations]).toEqual([]);
  });

  it('needs the key, where there is one', async () => {
    const credentials = { genesys: { apiKey: 'key-1' } };
    const { call } = await start({ isProbe: true, apiKey: 'key-2' }, { credentials });
    await expect(call.closed).resolves.toMatchObject({ code: 1008 });
    const allowed = callAgain({ isProbe: true, apiKey: 'key-1' });
    await expect(allowed.closed).resolves.toMatchObject({ code: 1000 });
    expect(allowed.violations).toEqual([]);
  });

  it('is waited for only in so many connections', async () => {
    const { call: first } = await start({ isProbe: true, closeDelayMs: 60_000 });
    const more = Array.from({ length: 9 }, () =>
      callAgain({ isProbe: true, closeDelayMs: 60_000 }),
    );
    const waiting = [first, ...more];
    await Promise.all(waiting.map((probe) => probe.next('opened')));
    const last = callAgain({ isProbe: true, closeDelayMs: 60_000 });
    await expect(last.closed).resolves.toMatchObject({ code: 1013 });
    waiting.forEach((probe) => probe.close('end'));
    await Promise.all(waiting.map(({ closed }) => closed));
    expect(waiting.flatMap(({ violations }) => violations)).toEqual([]);
    // Those that are over leave their places to others.
    const later = callAgain({ isProbe: true });
    await later.next('opened');
    later.close('end');
    await expect(later.closed).resolves.toMatchObject({ code: 1000 });
  });
});

describe('the credentials of Genesys', () => {
  const secret = Buffer.from('a secret of Genesys').toString('base64');
  const credentials = { genesys: { apiKey: 'key-1', clientSecret: secret } };

  it('let in who has the key and has signed', async () => {
    const { call } = await start({ apiKey: 'key-1', clientSecret: secret }, { credentials });
    await call.next('opened');
    call.close('end');
    await call.closed;
    expect(call.violations).toEqual([]);
  });

  it('may be the key alone', async () => {
    const { call } = await start(
      { apiKey: 'key-1' },
      { credentials: { genesys: { apiKey: 'key-1' } } },
    );
    await call.next('opened');
    call.close('end');
    await call.closed;
  });

  it.each<[string, Partial<GenesysOptions>]>([
    ['has another key', { apiKey: 'key-2', clientSecret: secret }],
    ['has not signed', { apiKey: 'key-1' }],
    ['has signed with another secret', { apiKey: 'key-1', clientSecret: 'b3RoZXI=' }],
    [
      'has signed another session',
      {
        apiKey: 'key-1',
        clientSecret: secret,
        headers: { 'audiohook-session-id': 'e160e428-53e2-487c-977d-96989bf5c99d' },
      },
    ],
  ])('keep out who %s', async (_, options) => {
    const { bot, call } = await start(options, { credentials });
    await expect(call.closed).resolves.toMatchObject({ code: 1008 });
    expect(bot.session).toBeUndefined();
  });
});
