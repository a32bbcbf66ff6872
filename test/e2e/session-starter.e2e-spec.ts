import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import {
  DailyModule,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  SessionStarter,
  TelephonyModule,
  WebSocketModule,
  SessionEnd,
} from '../../src/index.js';
import {
  connectClient,
  RecordingLauncher,
  startHost,
  type TestHost,
} from '../../src/testing/index.js';
import { FakeDaily } from '../support/fake-daily.js';

/** A service of the host's. */
@Injectable()
class Service {
  constructor(readonly starter: SessionStarter) {}
}

let host: TestHost | undefined;
afterEach(async () => {
  await host?.close();
  host = undefined;
});

async function start(options: RunnerOptions & RunnerModuleExtras = {}) {
  const launcher = new RecordingLauncher();
  @Module({
    imports: [
      RunnerModule.forRoot({
        launcher: { useValue: launcher },
        transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
        publicUrl: 'https://bot.example.com',
        ...options,
      }),
    ],
    providers: [Service],
  })
  class AppModule {}
  host = await startHost(AppModule, { logger: false });
  const { starter } = host.app.get(Service);
  const registry = host.app.get(SessionRegistry, { strict: false });
  const local = (wsUrl = ''): string =>
    wsUrl.replace('wss://bot.example.com', host!.url.replace('http', 'ws'));
  return { host, starter, registry, launcher, local };
}

describe('a session that the host starts with SessionStarter', () => {
  it.each(['none', 'token'] as const)(
    'equals a session of POST /start, with webSocketAuth: %s',
    async (webSocketAuth) => {
      const { starter, launcher, local } = await start({ webSocketAuth });
      const { sessionId, wsUrl, token, xml, ended } = await starter.startSession({
        transport: 'websocket',
        body: { user: 7 },
        bot: 'sales',
        principal: { id: 'acme', claims: { plan: 'gold' } },
      });
      expect(wsUrl).toMatch(/^wss:\/\/bot\.example\.com\/ws-client/);
      expect([token !== undefined, xml]).toEqual([webSocketAuth === 'token', undefined]);
      const client = await connectClient(local(wsUrl), { token });
      const { args, session } = await launcher.nextLaunch();
      expect(session).toMatchObject({ id: sessionId, bot: 'sales', claims: { plan: 'gold' } });
      expect(args.body).toEqual({ user: 7 });
      await client.leave();
      expect(await ended).toMatchObject({ code: 'peer_left' });
    },
  );

  it.each([
    [
      'twilio',
      '<Response><Connect><Stream url="wss://bot.example.com/ws/ID">P</Stream></Connect></Response>',
    ],
    [
      'telnyx',
      '<Response><Connect><Stream url="wss://bot.example.com/ws/ID" bidirectionalMode="rtp">P</Stream></Connect></Response>',
    ],
    [
      'plivo',
      '<Response><Stream bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000" extraHeaders="a=b">wss://bot.example.com/ws/ID</Stream></Response>',
    ],
  ] as const)('has the XML that connects a call of %s to it', async (carrier, expected) => {
    const { host, starter, launcher } = await start();
    const { sessionId, xml } = await starter.startSession({
      transport: carrier,
      customParameters: { a: 'b' },
    });
    const parameter = '<Parameter name="a" value="b"></Parameter>';
    expect(xml!.replace(/<\?xml.*?\?>\s*/, '').trim()).toBe(
      expected.replace('ID', sessionId).replace('P<', `${parameter}<`),
    );
    const call = await host.follow(xml!, { carrier });
    const { args, session } = await launcher.nextLaunch();
    expect([session.id, args.call_data!.body]).toEqual([sessionId, { a: 'b' }]);
    await call!.hangUp();
  });

  it('has no XML for Exotel, which is configured by hand', async () => {
    const { starter } = await start();
    expect(await starter.startSession({ transport: 'exotel' })).toEqual({
      sessionId: expect.any(String),
      wsUrl: expect.stringMatching(/^wss:/),
      ended: expect.any(Promise),
    });
  });

  it('takes a slot, queues for one, and stops queueing when its signal aborts', async () => {
    const { starter, registry } = await start({ maxSessions: 1, startQueueMs: 60_000 });
    const options = { transport: 'websocket' };
    const first = await starter.startSession(options);
    const second = starter.startSession(options);
    const impatient = new AbortController();
    const third = starter.startSession({ ...options, signal: impatient.signal });
    while (registry.queued < 2) await new Promise((resolve) => setImmediate(resolve));
    impatient.abort();
    await expect(third).rejects.toMatchObject({ code: 'AT_CAPACITY' });
    await registry.require(first.sessionId).end(new SessionEnd('stopped', ''));
    const { sessionId } = await second;
    await expect(
      starter.startSession({ ...options, signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'AT_CAPACITY' });
    await registry.require(sessionId).end(new SessionEnd('stopped', ''));
  });

  it('counts against the limits of its principal', async () => {
    const { starter } = await start();
    const options = { transport: 'websocket', principal: { id: 'acme', maxSessions: 1 } };
    await starter.startSession(options);
    await expect(starter.startSession(options)).rejects.toMatchObject({
      code: 'AT_CAPACITY',
      message: expect.stringMatching(/^You hold all 1 sessions/),
    });
  });

  it('has its own time-outs', async () => {
    const { starter, local } = await start();
    const waiting = await starter.startSession({ transport: 'websocket', connectTimeoutMs: 20 });
    expect(await waiting.ended).toMatchObject({ code: 'expired' });
    const brief = await starter.startSession({ transport: 'websocket', maxDurationMs: 20 });
    await connectClient(local(brief.wsUrl));
    expect(await brief.ended).toMatchObject({ code: 'too_long' });
  });

  it('lasts no longer than the runner allows', async () => {
    const { starter, local } = await start({ maxSessionDurationMs: 20 });
    const started = await starter.startSession({
      transport: 'websocket',
      maxDurationMs: 60_000,
      connectTimeoutMs: 60_000,
    });
    await connectClient(local(started.wsUrl));
    expect(await started.ended).toMatchObject({ code: 'too_long' });
    await host!.close();
    const other = await start({ pendingTtlMs: 20 });
    const waiting = await other.starter.startSession({
      transport: 'websocket',
      connectTimeoutMs: 60_000,
    });
    expect(await waiting.ended).toMatchObject({ code: 'expired' });
  });

  it.each<[object, RunnerOptions, string, RegExp]>([
    [{ transport: 'websocket' }, { publicUrl: undefined }, 'NO_PUBLIC_URL', /set publicUrl/],
    [{ transport: 'twilio' }, { publicUrl: undefined }, 'NO_PUBLIC_URL', /set publicUrl/],
    [{ transport: 'pigeon' }, {}, 'TRANSPORT_UNAVAILABLE', /'pigeon' is not known/],
    [{ transport: 7 }, {}, 'INVALID_FIELDS', /transport must be a string/],
  ])('is refused with the reason: %j, %j', async (asked, options, code, message) => {
    const { starter, registry } = await start(options);
    await expect(starter.startSession(asked)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(registry.size).toBe(0);
  });

  it('needs no public URL for a room', async () => {
    const daily = await FakeDaily.start();
    const { starter, launcher } = await start({
      publicUrl: undefined,
      transports: [DailyModule.forRoot({ apiKey: daily.apiKey, apiUrl: daily.apiUrl })],
    });
    const { dailyRoom, dailyToken } = await starter.startSession({ createDailyRoom: true });
    expect(dailyToken).toMatch(/^token-for-/);
    expect((await launcher.nextLaunch()).args).toMatchObject({ room_url: dailyRoom });
    await daily.close();
  });
});
