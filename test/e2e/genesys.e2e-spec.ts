import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  type MediaTransport,
  type RunnerArguments,
  RunnerModule,
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

  constructor(private readonly echoes = true) {
    super();
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    Object.assign(this, { session, args });
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
  bot = new Bot(),
) {
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useValue: bot },
      transports: [TelephonyModule.forRoot(telephony)],
    }),
    { logger: false },
  );
  const call = new FakeGenesys({ url: `${host.url.replace('http', 'ws')}/ws`, ...options });
  return { bot, call };
}

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
  }, 15_000);

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
    while (bot.keys.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
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
    while (bot.keys.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(bot.messages).toMatchObject([
      { type: 'paused' },
      { type: 'update', parameters: { language: 'de-DE' } },
    ]);
    await transport.sendAudio({ pcm: tone(300, 8_000, 0.4), sampleRateHz: 8_000 });
    call.send('resumed', { start: 'PT0S', discarded: 'PT1S' });
    call.send('dtmf', { digit: '2' });
    while (bot.keys.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
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

  it('fails when nothing on offer is understood', async () => {
    const { call } = await start({ media: [{ ...EXTERNAL, format: 'L16' }] });
    await expect(call.closed).resolves.toMatchObject({ code: 1011 });
    expect(call.messages).toEqual([]);
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
