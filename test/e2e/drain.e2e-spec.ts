import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  type RunnerArguments,
  RunnerDrain,
  RunnerModule,
  RunnerReadiness,
  type SessionEnd,
  SessionRegistry,
  TelephonyModule,
  WebSocketModule,
  type WebSocketRunnerArguments,
} from '../../src/index.js';
import { connectClient, type FakeCall, placeCall } from '../../src/testing/index.js';
import { ChildHost } from '../support/child-host.js';
import {
  closeOf,
  connect,
  listen,
  nextText,
  PLATFORMS,
  post,
  type RunningApp,
} from '../support/runner-app.js';
import { similarity, tone } from '../support/sound.js';

let running: RunningApp | undefined;
let host: ChildHost | undefined;
afterEach(async () => {
  running?.app.get(RunnerDrain, { strict: false }).expedite();
  await running?.app.close();
  await host?.kill();
  running = host = undefined;
});

/** Says back what it is told, and answers requests. */
class EchoBot extends BotLauncher {
  readonly ends: string[] = [];
  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const { websocket } = args as WebSocketRunnerArguments;
    websocket.on('message', (data) => websocket.send(`echo ${(data as Buffer).toString()}`));
    session.onRequest(() => new Response('still here'));
    session.ready();
    await once(session.signal, 'abort');
    this.ends.push((session.signal.reason as SessionEnd).code);
  }
}

async function start(platform: (typeof PLATFORMS)[number], options: object = {}) {
  const module = RunnerModule.forRoot({
    launcher: EchoBot,
    transports: [
      WebSocketModule.forRoot(),
      TelephonyModule.forRoot({
        busyXml: { telnyx: '<Response><Dial>+15550009</Dial></Response>' },
      }),
    ],
    defaultTransport: 'websocket',
    ...options,
  });
  const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  running = await listen(await NestFactory.create(module, adapter, { logger: false }), true);
  const get = <T>(token: abstract new (...args: never[]) => T): T =>
    running!.app.get(token as never, { strict: false });
  return {
    ...running,
    bot: get(BotLauncher) as EchoBot,
    drain: get(RunnerDrain),
    readiness: get(RunnerReadiness),
    registry: get(SessionRegistry),
  };
}

describe.each(PLATFORMS)('a draining runner on %s', (platform) => {
  it('continues running sessions and refuses new ones', async () => {
    const { url, wsUrl, bot, drain, readiness, registry } = await start(platform, {
      maxSessions: 2,
      startQueueMs: 60_000,
      pendingTtlMs: 60_000,
    });
    const announced = await post(`${url}/start`, {});
    const client = await connect(announced.json.wsUrl as string);
    const pending = await post(`${url}/start`, {});
    const queued = post(`${url}/start`, {});
    while (registry.queued === 0) await new Promise((resolve) => setImmediate(resolve));

    const drained = drain.start();
    expect(drain.start()).toBe(drained);
    expect([readiness.status, readiness.isReady]).toEqual(['draining', false]);
    expect((await queued).json.code).toBe('DRAINING');
    const refused = await post(`${url}/start`, {});
    expect([refused.status, refused.json.code]).toEqual([503, 'DRAINING']);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await (await fetch(`${url}/status`)).json()).toEqual({
      status: 'draining',
      transports: [],
    });
    await expect(closeOf(`${wsUrl}/ws-client`)).resolves.toMatchObject({ code: 1001 });
    // The one that was announced before came too late.
    expect(registry.get(pending.sessionId)).toBeUndefined();
    await expect(closeOf(pending.json.wsUrl as string)).resolves.toMatchObject({ code: 1001 });
    expect((await fetch(`${url}/sessions/${pending.sessionId}/x`)).status).toBe(503);

    const webhook = async (carrier: string) =>
      (await fetch(`${url}/telephony/${carrier}`, { method: 'POST' })).text();
    expect(await webhook('twilio')).toMatch(/<Say>All lines are busy/);
    expect(await webhook('telnyx')).toMatch(/<Response><Dial>\+15550009<\/Dial><\/Response>/);
    expect(await webhook('plivo')).toMatch(/<Speak>All lines are busy/);

    client.send('are you there?');
    expect(await nextText(client)).toBe('echo are you there?');
    const answer = await fetch(`${url}/sessions/${announced.sessionId}/x`);
    expect(await answer.text()).toBe('still here');
    expect((await fetch(`${url}/sessions/${announced.sessionId}`)).status).toBe(200);

    client.close();
    await drained;
    expect(bot.ends).toEqual(['peer_left']);
    expect(registry.size).toBe(0);
  });

  it('ends sessions after drainTimeoutMs', async () => {
    const { wsUrl, bot, drain } = await start(platform, { drainTimeoutMs: 50 });
    const client = await connect(`${wsUrl}/ws-client`);
    const close = closeOf(client);
    await drain.start();
    expect(bot.ends).toEqual(['draining']);
    await expect(close).resolves.toMatchObject({ code: 1001 });
  });

  it('ends sessions at once when it is forced', async () => {
    const { wsUrl, bot, drain } = await start(platform);
    const client = await connect(`${wsUrl}/ws-client`);
    const close = closeOf(client);
    const drained = drain.start();
    drain.expedite();
    await drained;
    expect(bot.ends).toEqual(['draining']);
    await expect(close).resolves.toMatchObject({ code: 1001 });
  });

  it('drains when the application closes, before the bot’s dependencies are destroyed', async () => {
    const events: string[] = [];
    @Injectable()
    class Database implements OnModuleDestroy {
      onModuleDestroy(): void {
        events.push('database closed');
      }
    }
    @Module({ providers: [Database], exports: [Database] })
    class DatabaseModule {}
    @Injectable()
    class NotingBot extends BotLauncher {
      constructor(readonly database: Database) {
        super();
      }
      async launch(args: RunnerArguments, session: BotSession): Promise<void> {
        const transport = await createTransport(args);
        session.ready();
        await once(transport, 'disconnected');
        events.push('bot done');
      }
    }
    const { app, url, wsUrl } = await start(platform, {
      launcher: NotingBot,
      imports: [DatabaseModule],
    });
    const client = await connectClient(`${wsUrl}/ws-client`);
    const closed = app.close().then(() => events.push('closed'));
    while ((await post(`${url}/start`, {})).status !== 503);
    expect(events).toEqual([]);
    await client.leave();
    await closed;
    expect(events).toEqual(['bot done', 'database closed', 'closed']);
    running = undefined;
  });
});

describe('graceful shutdown of the standalone runner', () => {
  const startMain = (...flags: string[]) =>
    ChildHost.start('dist/main.js', '--host', '127.0.0.1', '--port', '0', ...flags);

  /** Calls that are under way: each has heard its bot. */
  async function calls(url: string): Promise<{ call: FakeCall; spoken: Promise<void> }[]> {
    const speech = tone(440, 8_000, 2);
    return Promise.all(
      (['twilio', 'telnyx', 'plivo'] as const).map(async (carrier) => {
        const { json } = await post(`${url}/start`, { transport: carrier });
        const call = await placeCall({ carrier, url: json.wsUrl as string });
        const spoken = call.speak(speech);
        await call.heard(1_600);
        return { call, spoken };
      }),
    );
  }

  it('lets calls finish, refuses new ones, and exits with 0', async () => {
    host = await startMain('--drain-timeout', '60');
    const { url } = host;
    const underWay = await calls(url);
    // Nobody ever comes for this one, so nobody waits for it either.
    await post(`${url}/start`, { transport: 'websocket' });
    host.child.kill('SIGTERM');
    await host.printed('draining: waiting up to 60000 ms for 3 session(s)');
    const refused = await post(`${url}/start`, { transport: 'websocket' });
    expect([refused.status, refused.json.code]).toEqual([503, 'DRAINING']);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    const webhook = await fetch(`${url}/telephony/twilio`, { method: 'POST' });
    expect(await webhook.text()).toMatch(/<Say>/);
    for (const { call, spoken } of underWay) {
      await spoken;
      await call.heard(15_500);
      expect(call.socket.readyState).toBe(WebSocket.OPEN);
      expect(similarity(call.audio, 8_000, tone(440, 8_000, 2), 8_000)).toBeGreaterThan(0.95);
    }
    // As long as one of them is there, so is the runner.
    for (const { call } of underWay.slice(1)) await call.hangUp();
    expect((await fetch(`${url}/status`)).status).toBe(200);
    await underWay[0]!.call.hangUp();
    expect(await host.exit()).toBe(0);
  });

  it('ends calls after the drain time-out', async () => {
    host = await startMain('--drain-timeout', '0.2');
    const underWay = await calls(host.url);
    host.child.kill('SIGTERM');
    for (const { call } of underWay) {
      await expect(call.closed).resolves.toMatchObject({ code: 1001 });
    }
    expect(await host.exit()).toBe(0);
  });

  it.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGINT'],
  ] as const)('ends calls on a second signal: %s', async (first, second) => {
    host = await startMain('--drain-timeout', '600');
    const underWay = await calls(host.url);
    host.child.kill(first);
    await host.printed('draining');
    host.child.kill(second);
    for (const { call } of underWay) {
      await expect(call.closed).resolves.toMatchObject({ code: 1001 });
    }
    expect(await host.exit()).toBe(0);
  });

  it('exits at once without sessions', async () => {
    host = await startMain('--drain-timeout', '600');
    host.child.kill('SIGTERM');
    expect(await Promise.race([host.exit(), sleep(5_000, 'too late', { ref: false })])).toBe(0);
  });
});
