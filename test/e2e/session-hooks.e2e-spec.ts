import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import {
  BotLauncher,
  type BotSession,
  type CallDecision,
  CallRouter,
  ProcessBotLauncher,
  type RefusalRecord,
  type RunnerArguments,
  RunnerError,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionHooks,
  type SessionRecord,
  SessionRegistry,
  SessionStarter,
  TelephonyModule,
  WebSocketModule,
} from '../../src/index.js';
import { placeCall, startHost, type TestHost } from '../../src/testing/index.js';
import { closeOf, post } from '../support/runner-app.js';

/** The host's database, which takes its time and is closed when the application is. */
@Injectable()
class Database implements OnModuleDestroy {
  readonly sessions: SessionRecord[] = [];
  readonly refusals: RefusalRecord[] = [];
  isOpen = true;

  async insert<T>(table: T[], row: T): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (!this.isOpen) throw new Error('the database is closed');
    table.push(row);
  }

  onModuleDestroy(): void {
    this.isOpen = false;
  }
}

@Injectable()
class Records extends SessionHooks {
  constructor(private readonly database: Database) {
    super();
  }
  ended(record: SessionRecord): Promise<void> {
    return this.database.insert(this.database.sessions, record);
  }
  override refused(record: RefusalRecord): Promise<void> {
    return this.database.insert(this.database.refusals, record);
  }
}

@Module({ providers: [Database], exports: [Database] })
class DatabaseModule {}

/** Cannot look up the keys of any call. */
class KeylessRouter extends CallRouter {
  route(): CallDecision {
    return {};
  }
  override webhookKeys(): Promise<never> {
    return Promise.reject(new Error('no database'));
  }
}

/** Does as its `body` says. */
class Bot extends BotLauncher {
  async launch({ body }: RunnerArguments, session: BotSession): Promise<void> {
    const { does } = body as { does?: string };
    if (does === 'throw') throw new Error('this bot throws');
    if (does !== 'sleep') session.ready();
    if (does === 'return') return;
    await once(session.signal, 'abort');
  }
}

let host: TestHost | undefined;
afterEach(async () => {
  await host?.close();
  host = undefined;
});

async function start(options: RunnerOptions & RunnerModuleExtras = {}) {
  host = await startHost(
    RunnerModule.forRoot({
      launcher: Bot,
      sessionHooks: Records,
      imports: [DatabaseModule],
      transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
      ...options,
    }),
    { logger: false },
  );
  const database = host.app.get(Database, { strict: false });
  const registry = host.app.get(SessionRegistry, { strict: false });
  /** Ends the application, which waits for what is still to be written. */
  const finish = async () => {
    await host!.close();
    host = undefined;
    return database;
  };
  return { host, database, registry, finish };
}

describe('session hooks record an ended session', () => {
  it.each<[string, object, RunnerOptions, (host: TestHost) => Promise<unknown>]>([
    [
      'completed',
      { does: 'return' },
      {},
      async (host) => (await host.connect({ body: { does: 'return' } })).closed,
    ],
    [
      'failed',
      { does: 'throw' },
      {},
      async (host) => (await host.connect({ body: { does: 'throw' } })).closed,
    ],
    ['peer_left', {}, {}, async (host) => (await host.connect()).leave()],
    [
      'peer_error',
      {},
      { maxPayloadBytes: 100 },
      async (host) => {
        const client = await host.connect();
        client.socket.send('x'.repeat(1_000));
        await client.closed;
      },
    ],
    [
      'stopped',
      {},
      {},
      async (host) => {
        const { sessionId } = await host.start({ transport: 'websocket' });
        await fetch(`${host.url}/sessions/${String(sessionId)}`, { method: 'DELETE' });
      },
    ],
    [
      'expired',
      {},
      { pendingTtlMs: 20 },
      async (host) => {
        const { sessionId } = await host.start({ transport: 'websocket' });
        await host.session(String(sessionId))?.ended;
      },
    ],
    [
      'not_ready',
      {},
      { readyTimeoutMs: 20 },
      async (host) => (await host.connect({ body: { does: 'sleep' } })).closed,
    ],
    ['too_long', {}, { maxSessionDurationMs: 20 }, async (host) => (await host.connect()).closed],
    ['draining', {}, {}, async (host) => host.connect()],
  ])('once when it ends as %s, before the database is closed', async (code, _, options, end) => {
    const { host, finish } = await start(options);
    await end(host);
    const { sessions, refusals } = await finish();
    expect(sessions).toEqual([expect.objectContaining({ code, transport: 'websocket' })]);
    expect(refusals).toEqual([]);
  });

  it('with its call and its times', async () => {
    const { host, finish } = await start();
    const call = await placeCall({
      carrier: 'telnyx',
      url: `${host.url.replace('http', 'ws')}/ws`,
      from: '+15550001',
      to: '+15550002',
    });
    await call.hangUp();
    const { sessions } = await finish();
    const [record] = sessions as [SessionRecord];
    expect(record).toMatchObject({
      transport: 'telnyx',
      code: 'peer_left',
      call: {
        direction: 'inbound',
        from: '+15550001',
        to: '+15550002',
        callId: call.facts.callId,
      },
    });
    const { createdAt, connectedAt, endedAt, durationMs } = record;
    expect(createdAt.getTime()).toBeLessThanOrEqual(connectedAt!.getTime());
    expect(durationMs).toBe(endedAt.getTime() - connectedAt!.getTime());
    // It is data, such as a database or a queue takes.
    expect(JSON.parse(JSON.stringify(record))).toMatchObject({ sessionId: record.sessionId });
  });

  it('once each when many end together', async () => {
    const { host, finish } = await start();
    const clients = await Promise.all(Array.from({ length: 40 }, () => host.connect()));
    await Promise.all(clients.slice(0, 20).map((client) => client.leave()));
    const { sessions } = await finish();
    expect(new Set(sessions.map(({ sessionId }) => sessionId)).size).toBe(40);
    expect(sessions).toHaveLength(40);
  });

  it.each([
    ['completed', 'close', 'completed'],
    ['killed', 'abort', 'failed'],
  ])('once for a bot process that is %s', async (_, does, code) => {
    const { host, registry, finish } = await start({
      launcher: {
        useFactory: () => new ProcessBotLauncher({ module: 'test/support/bots/obedient-bot.js' }),
      },
    });
    await host.connect({ body: { do: does, code: 1000, reason: 'done' } });
    await registry.live[0]?.ended;
    const { sessions } = await finish();
    expect(sessions).toEqual([expect.objectContaining({ code })]);
  });
});

describe('session hooks record a refused start', () => {
  it('once, with the reason', async () => {
    const { host, finish } = await start({ maxSessions: 1 });
    await host.start({ transport: 'websocket' });
    await post(`${host.url}/start`, { transport: 'websocket' });
    await post(`${host.url}/start`, { transport: 'pigeon' });
    await post(`${host.url}/start`, { transport: 7 });
    await closeOf(`${host.url.replace('http', 'ws')}/ws-client`);
    const { xml } = await host.ring({ carrier: 'twilio' });
    expect(xml).toContain('All lines are busy');
    const { refusals } = await finish();
    expect(refusals.map(({ code, transport, call }) => [code, transport, call?.from])).toEqual([
      ['AT_CAPACITY', 'websocket', undefined],
      ['TRANSPORT_UNAVAILABLE', 'pigeon', undefined],
      ['INVALID_FIELDS', undefined, undefined],
      ['AT_CAPACITY', 'websocket', undefined],
      ['AT_CAPACITY', 'twilio', '+15550001'],
    ]);
  });

  it.each<
    [string, RunnerOptions & RunnerModuleExtras, (host: TestHost) => Promise<unknown>, string]
  >([
    [
      'for want of a place in the queue',
      { maxSessions: 1, startQueueMs: 20 },
      async ({ url }) => {
        await post(`${url}/start`, { transport: 'websocket' });
        return post(`${url}/start`, { transport: 'websocket' });
      },
      'AT_CAPACITY',
    ],
    [
      'for want of a bot',
      { launcher: undefined },
      ({ url }) => post(`${url}/start`, { transport: 'websocket' }),
      'NO_BOT',
    ],
    [
      'by the code of the host',
      { maxSessions: 1 },
      async ({ app }) => {
        const starter = app.get(SessionStarter, { strict: false });
        const options = { transport: 'twilio', principal: { id: 'acme', maxSessions: 0 } };
        return starter.startSession(options).catch((error: unknown) => error);
      },
      'AT_CAPACITY',
    ],
    [
      'for the body on the URL of its socket',
      {},
      ({ url }) => closeOf(`${url.replace('http', 'ws')}/ws-client?body=%7B`),
      'BAD_REQUEST',
    ],
    [
      'because the keys of its webhook are not known',
      { callRouter: { useValue: new KeylessRouter() } },
      (host) => host.ring({ carrier: 'twilio' }),
      'NO_DECISION',
    ],
  ])('is recorded once %s', async (_, options, refuse, code) => {
    const { host, finish } = await start(options);
    await refuse(host);
    const { refusals, sessions } = await finish();
    expect(refusals.map((one) => one.code)).toEqual([code]);
    expect(sessions.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
  });

  it('is recorded with its session where there is one, and only there', async () => {
    const { registry, finish } = await start();
    const refuse = () => Promise.reject(new RunnerError('PROVIDER_REFUSED', 'no room'));
    await expect(registry.start({ transport: 'websocket' }, refuse)).rejects.toThrow('no room');
    const { refusals, sessions } = await finish();
    expect(refusals).toEqual([]);
    expect(sessions).toEqual([
      expect.objectContaining({ code: 'start_failed', refusal: 'PROVIDER_REFUSED' }),
    ]);
  });

  it('but not of unauthenticated clients, which could fill the database', async () => {
    const { host, finish } = await start({
      privateKeys: ['a-private-key-of-the-host'],
      webSocketAuth: 'token',
    });
    expect((await post(`${host.url}/start`, {})).status).toBe(401);
    await closeOf(`${host.url.replace('http', 'ws')}/ws-client?token=guess`);
    await closeOf(`${host.url.replace('http', 'ws')}/ws/guess`);
    expect((await finish()).refusals).toEqual([]);
  });
});
