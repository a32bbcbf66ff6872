import { getEventListeners, once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  DailyModule,
  type MediaTransport,
  type RunnerArguments,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  SessionEnd,
  TelephonyModule,
  WebSocketModule,
  WebSocketRunnerArguments,
} from '../../src/index.js';
import { MediaUnavailableError, type Playback, RtviSession } from '../../src/bot.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import {
  type CarrierName,
  type FakeCall,
  type FakeClient,
  startHost,
  type TestHost,
} from '../../src/testing/index.js';
import { FakeCarrierApi } from '../support/fake-carrier-api.js';
import { FakeDaily } from '../support/fake-daily.js';
import { atRate, similarity, speech, tone } from '../support/sound.js';

const CARRIERS: CarrierName[] = ['twilio', 'telnyx', 'plivo', 'exotel'];

let host: TestHost | undefined;
afterEach(async () => {
  await host?.close();
  host = undefined;
});

/** A bot from a function, and latches on what becomes of its conversations. */
class TestBot extends BotLauncher {
  readonly ends: Promise<SessionEnd>[] = [];
  readonly sessions: string[] = [];
  readonly transports: MediaTransport[] = [];
  private waiting: ((transport: MediaTransport) => void)[] = [];

  constructor(
    private readonly bot: (transport: MediaTransport, session: BotSession) => Promise<unknown>,
    private readonly options: Parameters<typeof createTransport>[1] = {},
  ) {
    super();
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    this.sessions.push(session.id);
    this.ends.push(
      new Promise((resolve) =>
        session.signal.addEventListener('abort', () =>
          resolve(session.signal.reason as SessionEnd),
        ),
      ),
    );
    const transport = await createTransport(args, this.options);
    this.transports.push(transport);
    for (const resolve of this.waiting.splice(0)) resolve(transport);
    session.ready();
    await this.bot(transport, session);
  }

  /** The transport of the next conversation. */
  next(): Promise<MediaTransport> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

async function start(
  launcher: RunnerModuleExtras['launcher'] | BotLauncher,
  telephony: Parameters<typeof TelephonyModule.forRoot>[0] = {},
  options: RunnerOptions = {},
): Promise<TestHost> {
  host = await startHost(
    RunnerModule.forRoot({
      launcher: launcher instanceof BotLauncher ? { useValue: launcher } : launcher,
      transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot(telephony)],
      ...options,
    }),
    { logger: false },
  );
  return host;
}

/** Stays until the conversation is over. */
const stay = async (transport: MediaTransport): Promise<void> => {
  if (transport.state !== 'disconnected') await once(transport, 'disconnected');
};

const echo = async (transport: MediaTransport): Promise<void> => {
  for await (const frame of transport.audioIn()) void transport.sendAudio(frame);
};

describe('the echo bot', () => {
  it.each(CARRIERS)('echoes a phone call from %s', async (carrier) => {
    const said = speech(2);
    const call = await (await start(EchoBot)).call({ carrier });
    await call.speak(said, { pace: 'asap' });
    await call.heard((carrier === 'exotel' ? 2 : 1) * 15_000);
    expect(similarity(call.audio, 8_000, said, 8_000)).toBeGreaterThan(0.98);
    await call.hangUp();
  });

  it('echoes a WebSocket client', async () => {
    const said = atRate(speech(2), 8_000, 16_000);
    const client = await (await start(EchoBot)).connect();
    await client.speak(said, { pace: 'asap' });
    await client.heard(45_000);
    expect(similarity(client.audio, 24_000, said, 16_000)).toBeGreaterThan(0.98);
    await client.leave();
  });

  it.each([
    ['telnyx', { telnyxEncoding: 'PCMA' }],
    ['telnyx', { telnyxEncoding: 'G722' }],
    ['telnyx', { telnyxEncoding: 'L16' }],
  ] as const)('uses the codec of the handshake for %s: %j', async (carrier, formats) => {
    const said = speech(1);
    const call = await (await start(EchoBot, formats)).call({ carrier });
    await call.speak(said, { pace: 'asap' });
    // The fake phone plays µ-law; what matters here is how much comes, and in what.
    await call.heard(formats.telnyxEncoding === 'L16' ? 25_000 : 7_500);
    const payload = (
      call.messages.find(({ event }) => event === 'media')!.media as { payload: string }
    ).payload;
    expect(Buffer.from(payload, 'base64')).toHaveLength(
      formats.telnyxEncoding === 'L16' ? 640 : 160,
    );
    await call.hangUp();
  });

  it('waits until the speaker is done, and stops on barge-in', async () => {
    const client = await (await start(EchoBot)).connect({ body: { delayMs: 100 } });
    await client.ready();
    const words = tone(440, 16_000, 1.5);
    const silence = new Int16Array(16_000);
    await client.speak(words, { pace: 'asap' });
    await client.speak(silence, { pace: 'asap' });
    await client.next('user-started-speaking');
    await client.next('user-stopped-speaking');
    await client.next('bot-started-speaking');
    const interrupted = once(client, 'interruption');
    await client.heard(2_400);
    await client.speak(words.subarray(0, 3_200), { pace: 'asap' });
    await client.next('bot-interrupted');
    await interrupted;
    // A second and a half was to be said; a tenth was, and a moment that was under way.
    expect(client.audio.length).toBeLessThan(24_000);
    await client.speak(silence, { pace: 'asap' });
    await client.next(
      (message) =>
        message.type === 'bot-stopped-speaking' &&
        client.messages.filter(({ type }) => type === 'bot-started-speaking').length === 2,
    );
    await client.leave();
  });

  it('echoes the last minute of endless speech', async () => {
    const client = await (await start(EchoBot)).connect({ body: { delayMs: 1 } });
    await client.speak(tone(900, 16_000, 20), { pace: 'asap' });
    await client.speak(tone(440, 16_000, 60), { pace: 'asap' });
    await client.speak(new Int16Array(16_000), { pace: 'asap' });
    await client.heard(24_000);
    expect(similarity(client.audio, 24_000, tone(440, 16_000, 1), 16_000)).toBeGreaterThan(0.95);
    await client.leave();
  });

  it('shows typed text, and stops when the client interrupts', async () => {
    const client = await (await start(EchoBot)).connect();
    await client.ready();
    client.send('send-text', { content: 'Can you read?' });
    const { data } = await client.next(({ data: one }) => one?.text === 'Can you read?');
    expect(data).toMatchObject({ aggregated_by: 'sentence' });
    const back = once(client, 'interruption');
    client.interrupt();
    await back;
    await client.leave();
  });
});

describe('barge-in', () => {
  it.each(CARRIERS)('drops unplayed audio on %s', async (carrier) => {
    const outcomes: unknown[] = [];
    let done!: () => void;
    const played = new Promise<void>((resolve) => (done = resolve));
    const bot = new TestBot(async (transport) => {
      const audio = transport.sendAudio({ pcm: tone(300, 24_000, 5), sampleRateHz: 24_000 });
      const mark = transport.mark('end');
      for await (const key of transport.dtmfIn()) {
        expect(key).toBe('*');
        transport.clear();
        outcomes.push(await audio, (await mark).outcome);
        await transport.sendAudio({ pcm: tone(300, 24_000, 0.2), sampleRateHz: 24_000 });
        outcomes.push((await transport.mark('after')).outcome);
        done();
        break;
      }
      await stay(transport);
    });
    const call = await (await start(bot)).call({ carrier });
    await call.heard(8_000);
    let after = 0;
    // At once: what the bot says next may come in the same moment.
    call.once('cleared', () => (after = call.audioBytes.length));
    const cleared = once(call, 'cleared');
    call.press('*');
    const [unplayedMs] = (await cleared) as [number];
    // No more than what is sent ahead: Exotel's messages are long.
    expect(unplayedMs).toBeLessThan(carrier === 'exotel' ? 320 : 160);
    await call.heard(after + (carrier === 'exotel' ? 3_200 : 1_600));
    await played;
    expect(outcomes).toEqual(['cleared', 'cleared', 'played']);
    expect(call.audioBytes.length - after).toBeLessThan(8_000);
    await call.hangUp();
  });
});

describe('what the user heard', () => {
  it.each(CARRIERS)('of an interrupted answer is known to within 40 ms on %s', async (carrier) => {
    let told!: (playback: Playback) => void;
    const playback = new Promise<Playback>((resolve) => (told = resolve));
    const bot = new TestBot(
      async (transport) => {
        void transport.sendAudio({ pcm: tone(300, 24_000, 5), sampleRateHz: 24_000 });
        await transport.dtmfIn().next();
        told(transport.clear());
        await stay(transport);
      },
      { confirmPlayback: true },
    );
    const call = await (await start(bot)).call({ carrier });
    await call.heard(8_000);
    let receivedMs = 0;
    call.once('cleared', () => (receivedMs = call.audio.length / 8));
    const cleared = once(call, 'cleared');
    call.press('*');
    const [unplayedMs] = (await cleared) as [number];
    const { playedMs, position } = await playback;
    expect(position).toBe('confirmed');
    expect(Math.abs(playedMs - (receivedMs - unplayedMs))).toBeLessThan(40);
    await call.hangUp();
  });
});

describe('marks', () => {
  it.each(CARRIERS)(
    'are confirmed by %s after playback of the audio before them',
    async (carrier) => {
      let tookMs = 0;
      const bot = new TestBot(async (transport, session) => {
        const start = performance.now();
        void transport.sendAudio({ pcm: tone(300, 16_000, 0.8), sampleRateHz: 16_000 });
        expect((await transport.mark('said')).outcome).toBe('played');
        tookMs = performance.now() - start;
        session.logger.debug('done');
      });
      const call = await (await start(bot)).call({ carrier });
      await call.closed;
      expect(tookMs).toBeGreaterThan(760);
      expect(tookMs).toBeLessThan(2_000);
    },
  );

  it('are estimated by the clock for clients, which do not confirm them', async () => {
    let tookMs = 0;
    const bot = new TestBot(async (transport) => {
      expect(transport.capabilities.marks).toBe('estimated');
      const start = performance.now();
      void transport.sendAudio({ pcm: tone(300, 24_000, 0.4), sampleRateHz: 24_000 });
      await transport.mark('said');
      tookMs = performance.now() - start;
    });
    const client = await (await start(bot)).connect();
    await client.closed;
    expect(tookMs).toBeGreaterThan(380);
    expect(tookMs).toBeLessThan(1_500);
  });
});

describe('DTMF digits', () => {
  it.each(CARRIERS)('are received from %s', async (carrier) => {
    const pressed: string[] = [];
    const bot = new TestBot(async (transport) => {
      for await (const key of transport.dtmfIn()) {
        pressed.push(key);
        if (key === '#') return;
      }
    });
    const call = await (await start(bot)).call({ carrier });
    call.press('1*0#');
    await call.closed;
    expect(pressed.join('')).toBe('1*0#');
  });

  it('are sent to Plivo, and to no other carrier', async () => {
    const bot = new TestBot((transport) => transport.sendDtmf('42#'));
    const sent: Record<string, unknown> = {};
    const running = await start(bot);
    for (const carrier of CARRIERS) {
      const call = await running.call({ carrier });
      await call.closed;
      sent[carrier] = call.messages;
    }
    expect(sent).toEqual({
      twilio: [],
      telnyx: [],
      plivo: [{ event: 'sendDTMF', dtmf: '42#' }],
      exotel: [],
    });
  });
});

describe('hanging up', () => {
  let api: FakeCarrierApi;
  afterEach(() => api?.close());

  /** A bot that hangs up, and what came of it. */
  function hangingUp() {
    const outcomes: unknown[] = [];
    const bot = new TestBot(async (transport) => outcomes.push(await transport.hangUp()));
    return { bot, outcomes };
  }

  it.each(['twilio', 'telnyx', 'plivo'] as const)(
    'ends a call through the API of %s',
    async (carrier) => {
      api = await FakeCarrierApi.start();
      const { bot, outcomes } = hangingUp();
      const ended = once(api, 'ended');
      const call = await (await start(bot, { credentials: api.credentials })).call({ carrier });
      expect(await ended).toEqual([call.facts.callId]);
      await call.closed;
      expect(outcomes).toEqual([{ ok: true, via: 'api' }]);
    },
  );

  it.each(['twilio', 'telnyx', 'plivo'] as const)(
    'succeeds when the call at %s has already ended',
    async (carrier) => {
      api = await FakeCarrierApi.start();
      api.over.add = () => api.over;
      api.over.has = () => true;
      const { bot, outcomes } = hangingUp();
      const call = await (await start(bot, { credentials: api.credentials })).call({ carrier });
      await call.closed;
      expect(outcomes).toEqual([{ ok: true, via: 'api' }]);
    },
  );

  it.each([
    ['before the API answers', true],
    ['after', false],
  ])('is the end by the bot when the carrier closes %s', async (_, before) => {
    api = await FakeCarrierApi.start();
    const reasons: string[] = [];
    const bot = new TestBot(async (transport) => {
      transport.on('disconnected', ({ reason }) => reasons.push(reason));
      for await (const key of transport.dtmfIn()) if (key === '#') await transport.hangUp();
    });
    const running = await start(bot, { credentials: api.credentials });
    const call = await running.call({ carrier: 'twilio' });
    if (before) api.whenEnded = () => call.hangUp();
    call.press('#');
    await call.closed;
    expect(await bot.ends[0]).toMatchObject({ code: 'completed' });
    expect(reasons).toEqual(['closed']);
  });

  it('is retried once, then reported, never thrown', async () => {
    api = await FakeCarrierApi.start();
    api.misbehaviours.push({ status: 503 }, 'cut');
    const { bot, outcomes } = hangingUp();
    const running = await start(bot, { credentials: api.credentials });
    await (
      await running.call({ carrier: 'twilio' })
    ).closed;
    expect(api.requests).toHaveLength(2);
    expect(outcomes).toEqual([
      { ok: false, via: 'api', error: expect.stringMatching(/^twilio could not be reached/) },
    ]);
    api.misbehaviours.push({ status: 500 });
    await (
      await running.call({ carrier: 'telnyx' })
    ).closed;
    expect(outcomes[1]).toEqual({ ok: true, via: 'api' });
  });

  it('reports the carrier’s error without the secret', async () => {
    api = await FakeCarrierApi.start();
    api.misbehaviours.push({
      status: 401,
      body: { message: 'Authenticate, telnyx-secret or plivo-secret' },
    });
    const { bot, outcomes } = hangingUp();
    const running = await start(bot, { credentials: api.credentials });
    await (
      await running.call({ carrier: 'plivo' })
    ).closed;
    expect(outcomes).toEqual([
      {
        ok: false,
        via: 'api',
        error: 'plivo answered 401: Authenticate, telnyx-secret or ***',
      },
    ]);
  });

  it('closes the connection without credentials', async () => {
    const { bot, outcomes } = hangingUp();
    const running = await start(bot);
    for (const carrier of CARRIERS) {
      const call = await running.call({ carrier });
      expect(await call.closed).toEqual({ code: 1000, reason: '' });
    }
    const client = await running.connect();
    await client.closed;
    expect(outcomes).toEqual(new Array(5).fill({ ok: true, via: 'connection' }));
  });

  it.each([
    [{ twilio: { accountSid: 'AC1' } }, /credentials must have twilio\.authToken, a string/],
    [{ vonage: {} }, /credentials must not have vonage; there are twilio, telnyx, plivo/],
    [
      { telnyx: { apiKey: 'k', region: 'eu' } },
      /must not have telnyx\.region; there are apiKey, apiUrl/,
    ],
    [
      { twilio: { accountSid: 'AC1', authToken: 't', region: 'au1' } },
      /must have both twilio\.region and twilio\.edge, or neither/,
    ],
    [
      { plivo: { authId: 'a', authToken: 't', apiUrl: 'ftp://x/' } },
      /must have an http\(s\):\/\/ URL .* as plivo\.apiUrl/,
    ],
  ])('needs valid credentials: %j', async (credentials, message) => {
    await expect(start(EchoBot, { credentials: credentials as never })).rejects.toThrow(message);
  });
});

describe('a media session', () => {
  it('loses no audio that arrives before the bot listens', async () => {
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const bot = new TestBot(async (transport) => {
      await released;
      await echo(transport);
    });
    const client = await (await start(bot)).connect();
    const said = tone(500, 16_000, 1);
    await client.speak(said, { pace: 'asap' });
    release();
    await client.heard(23_000);
    expect(similarity(client.audio, 24_000, said, 16_000)).toBeGreaterThan(0.99);
    await client.leave();
  });

  it('ends when the peer disconnects', async () => {
    const bot = new TestBot(echo);
    const running = await start(bot);
    const call = await running.call({ carrier: 'twilio' });
    const transport = await bot.next().catch(() => undefined);
    await call.hangUp();
    expect(await bot.ends[0]).toMatchObject({ code: 'peer_left' });
    expect(transport ?? bot.transports[0]).toMatchObject({ state: 'disconnected' });
  });

  const left: [string, (call: FakeCall, transport: MediaTransport) => unknown][] = [
    ['peer_left', (call) => call.hangUp()],
    ['peer_left', (call) => call.socket.terminate()],
    ['failed', (call) => call.socket.send('x'.repeat(2_000_000))],
    ['closed', (_, transport) => transport.close()],
    ['closed', (call) => call.press('0')],
    ['aborted', () => host!.close().then(() => (host = undefined))],
  ];
  it.each(left)('reports its end and the reason to the bot: %s by %s', async (reason, leave) => {
    const reasons: string[] = [];
    const bot = new TestBot(async (transport) => {
      transport.on('disconnected', (end) => reasons.push(end.reason));
      for await (const key of transport.dtmfIn()) if (key === '0') return;
    });
    const call = await (await start(bot)).call({ carrier: 'twilio' });
    await leave(call, bot.transports[0] ?? (await bot.next()));
    await bot.ends[0];
    await call.closed.catch(() => undefined);
    expect(reasons).toEqual([reason]);
  });

  it('ends when the bot’s own signal aborts, without leaking listeners', async () => {
    const own = new AbortController();
    const reasons: string[] = [];
    const bot = new TestBot(
      async (transport) => {
        transport.on('disconnected', (end) => reasons.push(end.reason));
        await stay(transport);
      },
      { signal: own.signal },
    );
    const running = await start(bot, {}, { stopGraceMs: 60_000 });
    const first = await running.call({ carrier: 'twilio' });
    if (!bot.transports[0]) await bot.next();
    await first.hangUp();
    await bot.ends[0];
    expect(getEventListeners(own.signal, 'abort')).toHaveLength(0);
    // The session's own end is heard, too.
    const second = await running.call({ carrier: 'twilio' });
    if (!bot.transports[1]) await bot.next();
    const sessions = running.app.get(SessionRegistry, { strict: false });
    const [id] = bot.sessions.slice(-1);
    await sessions.get(id!)!.end(new SessionEnd('stopped', 'enough'));
    await second.closed;
    const third = await running.call({ carrier: 'twilio' });
    if (!bot.transports[2]) await bot.next();
    own.abort();
    expect((await third.closed).code).toBe(1000);
    expect(await bot.ends[2]).toMatchObject({ code: 'completed' });
    expect(reasons).toEqual(['peer_left', 'aborted', 'closed']);
  });

  it('can be created again after a failed attempt', async () => {
    const errors: unknown[] = [];
    class AgainBot extends BotLauncher {
      async launch(args: RunnerArguments): Promise<void> {
        await createTransport(args, { sendAheadMs: NaN }).catch((error) => errors.push(error));
        const transport = await createTransport(args);
        await transport.sendAudio({ pcm: tone(500, 8_000, 0.1), sampleRateHz: 8_000 });
      }
    }
    const call = await (await start(AgainBot)).call({ carrier: 'twilio' });
    await call.heard(800);
    await call.closed;
    expect(errors).toEqual([expect.any(RangeError)]);
  });

  it('ends when the session is stopped, with the code of the reason', async () => {
    const bot = new TestBot(echo);
    const running = await start(bot);
    const client = await running.connect();
    await client.speak(tone(500, 16_000, 0.1), { pace: 'asap' });
    await client.heard(1_000);
    await running.close();
    host = undefined;
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(await bot.ends[0]).toMatchObject({ code: 'draining' });
  });

  it('ends as failed when a listener of the bot throws, without affecting others', async () => {
    const bot = new TestBot(async (transport) => {
      transport.on('dtmf', (digit) => {
        if (digit === '0') throw new Error('a bug in the bot');
      });
      await echo(transport);
    });
    const running = await start(bot);
    const [one, other] = await Promise.all([
      running.call({ carrier: 'twilio' }),
      running.call({ carrier: 'telnyx' }),
    ]);
    one.press('0');
    expect((await one.closed).code).toBe(1011);
    other.press('1');
    await other.speak(tone(500, 8_000, 0.2), { pace: 'asap' });
    await other.heard(1_000);
    await other.hangUp();
    const ends = await Promise.all(bot.ends);
    expect(ends.map(({ code }) => code).sort()).toEqual(['failed', 'peer_left']);
  });

  it('shares no memory with others, so that a bot can transfer it to a worker', async () => {
    const { port1, port2 } = new MessageChannel();
    const frames: Int16Array[] = [];
    const bot = new TestBot(async (transport) => {
      for await (const { pcm } of transport.audioIn()) {
        frames.push(new Int16Array(pcm.buffer.slice(0)));
        port1.postMessage(pcm, [pcm.buffer as ArrayBuffer]);
      }
    });
    const running = await start(bot);
    const calls = await Promise.all(CARRIERS.map((carrier) => running.call({ carrier })));
    for (let i = 0; i < 5; i++) {
      for (const call of calls) await call.speak(tone(500, 8_000, 0.02), { pace: 'asap' });
    }
    for (const call of calls) await call.hangUp();
    await Promise.all(bot.ends);
    port1.close();
    port2.close();
    expect(frames.map(({ length }) => length)).toEqual(new Array(20).fill(320));
  });

  it('has only one transport', async () => {
    const errors: unknown[] = [];
    class TwiceBot extends BotLauncher {
      async launch(args: RunnerArguments): Promise<void> {
        await createTransport(args);
        await createTransport(args).catch((error: unknown) => errors.push(error));
      }
    }
    const client = await (await start(TwiceBot)).connect();
    await client.closed;
    expect(errors.map(String)).toEqual([expect.stringMatching(/was called before/)]);
  });

  it('names what a bot cannot do in Node', async () => {
    const daily = await FakeDaily.start();
    const errors: unknown[] = [];
    class DailyBot extends BotLauncher {
      async launch(args: RunnerArguments): Promise<void> {
        await createTransport(args).catch((error: unknown) => errors.push(error));
      }
    }
    host = await startHost(
      RunnerModule.forRoot({
        launcher: DailyBot,
        transports: [DailyModule.forRoot({ apiKey: daily.apiKey, apiUrl: daily.apiUrl })],
      }),
      { logger: false },
    );
    await host.start({ createDailyRoom: true });
    await host.start({ transport: 'daily' });
    await host.close();
    host = undefined;
    await daily.close();
    expect(errors).toEqual([expect.any(MediaUnavailableError), expect.any(MediaUnavailableError)]);
    expect(errors.map(String)).toEqual([
      expect.stringMatching(/Daily has no SDK for Node.*args\.room_url with args\.token/),
      expect.stringMatching(/RunnerArguments lead to no audio/),
    ]);
  });

  it('can use a WebSocket from elsewhere with an unread handshake', async () => {
    let identified: string | undefined;
    class RawBot extends BotLauncher {
      async launch(args: RunnerArguments): Promise<void> {
        if (!(args instanceof WebSocketRunnerArguments)) throw new Error('no WebSocket');
        const own = new WebSocketRunnerArguments({ websocket: args.websocket });
        const transport = await createTransport(own, { signal: AbortSignal.timeout(5_000) });
        identified = own.transport_type;
        await transport.sendAudio({ pcm: tone(500, 8_000, 0.1), sampleRateHz: 8_000 });
      }
    }
    const call = await (await start(RawBot)).call({ carrier: 'twilio' });
    await call.heard(800);
    await call.closed;
    expect(identified).toBe('twilio');
  });
});

describe('misbehaving callers', () => {
  const frame = (call: FakeCall, payload: unknown) => ({
    event: 'media',
    streamSid: call.facts.streamId,
    media: { track: 'inbound', payload },
  });

  it('are counted and cannot disturb other calls', async () => {
    const bot = new TestBot(echo);
    const running = await start(bot);
    const [bad, good] = await Promise.all([
      running.call({ carrier: 'twilio' }),
      running.call({ carrier: 'twilio' }),
    ]);
    const said = tone(700, 8_000, 1);
    const speaking = good.speak(said, { pace: 'asap' });
    for (let i = 0; i < 50; i++) {
      bad.send(frame(bad, 'AAAA='));
      bad.send(frame(bad, '!"§$'));
      bad.send(frame(bad, { length: 1e9 }));
      bad.send({ event: 'Media', media: { payload: 'AAAA' } });
      bad.send({ event: 'start', start: { streamSid: good.facts.streamId } });
      bad.socket.send('{"event":"media"');
      bad.socket.send(Buffer.alloc(100), { binary: true });
    }
    await bad.speak(tone(1_100, 8_000, 0.5), { pace: 'asap' });
    await bad.heard(3_000);
    await speaking;
    await good.heard(7_500);
    expect(similarity(good.audio, 8_000, said, 8_000)).toBeGreaterThan(0.98);
    expect(similarity(good.audio, 8_000, tone(1_100, 8_000, 1), 8_000)).toBeLessThan(0.1);
    expect(similarity(bad.audio, 8_000, tone(700, 8_000, 0.5), 8_000)).toBeLessThan(0.1);
    await bad.hangUp();
    await good.hangUp();
    await Promise.all(bot.ends);
    const counted = bot.transports.map(({ stats }) => stats.malformed);
    expect(counted).toContainEqual({});
    expect(counted).toContainEqual({
      'a payload that is not whole base64': 100,
      'a media without its payload': 50,
      'an unknown event': 50,
      'a second start': 50,
      'a message that is no JSON object': 50,
      'a binary message where text is due': 50,
    });
  });

  it('are cut off when they send too much at once, and only they', async () => {
    const bot = new TestBot(echo);
    const running = await start(bot);
    const [bad, good] = await Promise.all([
      running.call({ carrier: 'twilio' }),
      running.call({ carrier: 'plivo' }),
    ]);
    bad.socket.send('x'.repeat(10_000_000));
    expect((await bad.closed).code).toBe(1009);
    await good.speak(tone(500, 8_000, 0.2), { pace: 'asap' });
    await good.heard(1_000);
    await good.hangUp();
    const ends = await Promise.all(bot.ends);
    expect(ends.map(({ code }) => code).sort()).toEqual(['peer_error', 'peer_left']);
  });

  it('end only their own call, with values of any type', async () => {
    const bot = new TestBot(echo);
    const running = await start(bot);
    const poison = { toString: 1, valueOf: 1 };
    for (const carrier of CARRIERS) {
      const call = await running.call({ carrier });
      call.send({ event: 'media', media: { payload: 'AAAA', timestamp: poison } });
      await call.speak(tone(500, 8_000, 0.2), { pace: 'asap' });
      await call.heard(800);
      await call.hangUp();
    }
    const ends = await Promise.all(bot.ends);
    expect(ends.map(({ code }) => code)).toEqual(new Array(4).fill('peer_left'));
  });

  it('are disconnected when they do not read what they are sent (backpressure)', async () => {
    const bot = new TestBot(async (transport) => {
      const rtvi = new RtviSession(transport);
      rtvi.onClientMessage(({ data }) => data);
      await stay(transport);
    });
    const client = await (await start(bot)).connect();
    await client.ready();
    client.socket.pause();
    for (let i = 0; i < 40; i++) client.send('client-message', { t: 'a', d: 'x'.repeat(500_000) });
    expect(await bot.ends[0]).toMatchObject({ code: 'peer_error' });
    client.socket.resume();
    expect((await client.closed).code).toBe(1008);
  });

  it('may be WebSocket clients as well', async () => {
    const bot = new TestBot(echo);
    const client: FakeClient = await (await start(bot)).connect();
    let seed = 3;
    const random = () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 24;
    for (let i = 0; i < 500; i++) {
      client.socket.send(Buffer.from(Uint8Array.from({ length: random() }, random)));
    }
    client.socket.send('text');
    // Audio at rates that nobody uses would each cost a filter.
    for (let rate = 8_001; rate < 8_050; rate++) {
      const varint = Buffer.from([(rate & 0x7f) | 0x80, rate >> 7]);
      const audio = Buffer.concat([
        Buffer.from('1a0200ff20', 'hex'),
        varint,
        Buffer.from('2801', 'hex'),
      ]);
      client.socket.send(Buffer.concat([Buffer.from([0x12, audio.length]), audio]));
    }
    await client.speak(tone(500, 16_000, 0.5), { pace: 'asap' });
    await client.heard(11_000);
    expect(similarity(client.audio, 24_000, tone(500, 16_000, 0.5), 16_000)).toBeGreaterThan(0.95);
    await client.leave();
    await bot.ends[0];
    expect(bot.transports[0]!.stats.malformed).toMatchObject({
      'a text message where binary is due': 1,
      'audio of a sample rate that is not in use': 49,
    });
  });
});
