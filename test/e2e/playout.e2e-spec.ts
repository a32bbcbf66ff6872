import { once } from 'node:events';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  type MediaTransport,
  ProcessBotLauncher,
  type RunnerArguments,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  SmallWebRtcModule,
  TelephonyModule,
  WebSocketModule,
  WhatsAppModule,
} from '../../src/index.js';
import type { CarrierName } from '../../src/testing/index.js';
import { startHost, type TestHost } from '../../src/testing/index.js';
import { FakeMeta } from '../support/fake-meta.js';
import { shareOf } from '../support/matrix.js';
import { tone } from '../support/sound.js';
import { HEARD_HZ, warmUp, WebRtcClient } from '../support/webrtc-client.js';

const CARRIERS: CarrierName[] = ['twilio', 'telnyx', 'plivo', 'exotel', 'vonage', 'genesys'];
const WAYS = ['return', 'close', 'hangUp'] as const;
const SECONDS = 0.5;

let host: TestHost | undefined;
const toClose: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await host?.close();
  for (const close of toClose.splice(0)) await close();
  host = undefined;
});

/** Says something and ends the conversation at once, in the way that its `body` says. */
class Farewell extends BotLauncher {
  readonly transports: MediaTransport[] = [];
  readonly ends: string[] = [];

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const { by, seconds = SECONDS } = args.body as { by: string; seconds?: number };
    const transport = await createTransport(args);
    this.transports.push(transport);
    transport.on('disconnected', ({ reason }) => this.ends.push(reason));
    session.ready();
    void transport.sendAudio({ pcm: tone(440, 16_000, seconds), sampleRateHz: 16_000 });
    if (by === 'close') transport.close();
    if (by === 'hangUp') void transport.hangUp();
    if (by === 'return') return;
    if (!session.signal.aborted) await once(session.signal, 'abort');
  }
}

async function start(
  launcher: BotLauncher,
  options: RunnerOptions & RunnerModuleExtras = {},
): Promise<TestHost> {
  host = await startHost(
    RunnerModule.forRoot({
      launcher: { useFactory: () => launcher },
      transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
      ...options,
    }),
    { logger: false },
  );
  return host;
}

const liveSession = () => host!.app.get(SessionRegistry, { strict: false }).live[0]!;

/** Seconds that are audible, in windows of 20 ms. */
function audible(pcm: Int16Array, rateHz: number): number {
  const length = rateHz / 50;
  let windows = 0;
  for (let at = 0; at + length <= pcm.length; at += length) {
    if (pcm.subarray(at, at + length).some((sample) => Math.abs(sample) > 1_000)) windows++;
  }
  return windows / 50;
}

describe.each(WAYS)('audio before an end by the bot (%s)', (by) => {
  it.each(shareOf(CARRIERS, by, WAYS))('is played by %s', async (carrier) => {
    const bot = new Farewell();
    const call = await (await start(bot)).call({ carrier, body: { by } });
    const session = liveSession();
    await call.closed;
    expect(audible(call.audio, 8_000)).toBeGreaterThan(SECONDS - 0.03);
    expect(await session.ended).toMatchObject({ code: 'completed' });
    expect(bot.ends).toEqual(['closed']);
  });

  it('is played by WebSocket clients', async () => {
    const client = await (await start(new Farewell())).connect({ body: { by } });
    const session = liveSession();
    await client.closed;
    expect(audible(client.audio, 24_000)).toBeGreaterThan(SECONDS - 0.03);
    expect(await session.ended).toMatchObject({ code: 'completed' });
  });

  it('is played for a bot in a process of its own', async () => {
    const module = 'test/support/bots/obedient-bot.js';
    await start(new ProcessBotLauncher({ module }));
    const body = { do: 'farewell', by, seconds: SECONDS };
    const call = await host!.call({ carrier: 'twilio', body });
    await call.closed;
    expect(audible(call.audio, 8_000)).toBeGreaterThan(SECONDS - 0.03);
    // A caller who leaves meanwhile does not make it another end.
    const other = await host!.call({ carrier: 'twilio', body });
    await other.heard(2_000);
    const session = liveSession();
    await other.hangUp();
    expect(await session.ended).toMatchObject({ code: 'completed' });
  });

  describe('over WebRTC', () => {
    beforeAll(warmUp, 60_000);

    // Sound begins before the bot has heard of the connection, and some of it may be concealed.
    const ALMOST = SECONDS - 0.1;

    it('is played by its clients', async () => {
      const { url } = await start(new Farewell(), { transports: [SmallWebRtcModule.forRoot()] });
      const client = await WebRtcClient.connect({
        offerUrl: `${url}/api/offer`,
        requestData: { by },
      });
      toClose.push(() => client.pc.close());
      const session = liveSession();
      expect(await session.ended).toMatchObject({ code: 'completed' });
      expect(audible(client.heard, HEARD_HZ)).toBeGreaterThan(ALMOST);
    });

    it('is played by WhatsApp', async () => {
      const meta = await FakeMeta.start();
      toClose.push(() => meta.close());
      const { token, phoneNumberId, appSecret, verifyToken, apiUrl } = meta;
      const account = { token, phoneNumberId, appSecret, verifyToken, apiUrl };
      class Answering extends Farewell {
        override launch(args: RunnerArguments, session: BotSession): Promise<void> {
          return super.launch(Object.assign(args, { body: { by } }), session);
        }
      }
      const { url } = await start(new Answering(), {
        transports: [WhatsAppModule.forRoot(account)],
      });
      meta.webhookUrl = `${url}/whatsapp`;
      const caller = await meta.call('call-1');
      toClose.push(() => caller.pc.close());
      expect(await liveSession().ended).toMatchObject({ code: 'completed' });
      expect(meta.acts).toContain('terminate call-1');
      expect(audible(caller.heard, HEARD_HZ)).toBeGreaterThan(ALMOST);
    });
  });

  it('is cut off by DELETE /sessions/:id at once', async () => {
    await start(new Farewell());
    const call = await host!.call({ carrier: 'twilio', body: { by, seconds: 20 } });
    await call.heard(2_000);
    const session = liveSession();
    const startMs = performance.now();
    const answer = await fetch(`${host!.url}/sessions/${session.id}`, { method: 'DELETE' });
    expect(answer.status).toBe(200);
    await call.closed;
    expect(performance.now() - startMs).toBeLessThan(1_500);
    expect(await session.ended).toMatchObject({ code: 'stopped' });
  });

  it('is cut off when a drain is over', async () => {
    await start(new Farewell(), { drainTimeoutMs: 300 });
    const call = await host!.call({ carrier: 'twilio', body: { by, seconds: 20 } });
    await call.heard(2_000);
    const session = liveSession();
    const closing = host!.app.close();
    await call.closed;
    expect(await session.ended).toMatchObject({ code: 'draining' });
    await closing;
  });

  it('ends when the caller leaves, as the bot’s own end', async () => {
    const bot = new Farewell();
    await start(bot);
    const call = await host!.call({ carrier: 'twilio', body: { by, seconds: 20 } });
    await call.heard(2_000);
    const session = liveSession();
    await call.hangUp();
    expect(await session.ended).toMatchObject({ code: 'completed' });
    expect(bot.ends).toEqual(['closed']);
  });
});
