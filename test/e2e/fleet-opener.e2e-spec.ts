import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  type BotLauncher,
  SessionRegistry,
  type WebSocketRunnerArguments,
} from '../../src/index.js';
import { Fleet } from '../../src/fleet/fleet.js';
import { type FleetApp, FleetApps } from '../support/fleet-apps.js';
import { describeWith } from '../support/needs.js';
import { ReplyProxy } from '../support/reply-proxy.js';
import { closeApps, closeOf, nextText, post } from '../support/runner-app.js';
import { RunnerWebSocket } from '../../src/websocket/runner-web-socket.js';
import { until } from '../support/until.js';

/** Tells whose it is. */
const bot: BotLauncher['launch'] = async (args, session) => {
  session.ready();
  (args as WebSocketRunnerArguments).websocket.send(JSON.stringify(args.body));
  await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
};

describeWith('redis-server')('a session that is opened while Redis is away', () => {
  let fleet: FleetApps;
  let proxies: ReplyProxy[];
  beforeEach(async () => {
    [fleet, proxies] = [await FleetApps.begin(), []];
  });
  afterEach(async () => {
    await closeApps();
    for (const proxy of proxies) await proxy.stop();
    await fleet.end();
  });

  /** Starts a node with a way to Redis that can be cut. Each knows those before it. */
  const start = async (maxSessions = 5) => {
    const proxy = await ReplyProxy.to(fleet.redis.port);
    proxies.push(proxy);
    const app = await fleet.start('fastify', bot, { maxSessions, of: { redis: proxy.url } });
    return { ...app, proxy };
  };
  const announce = async ({ url }: FleetApp, body: unknown) => {
    const { status, json } = await post(`${url}/start`, { transport: 'websocket', body });
    return { status, token: String(json.token) };
  };
  /** Connects, and comes again when it is asked to. @returns the socket and its first message, or the code that it was closed with */
  const join = async ({ wsUrl }: FleetApp, token: string) => {
    for (;;) {
      const socket = new RunnerWebSocket(`${wsUrl}/ws-client?token=${token}`);
      const closed = closeOf(socket);
      const first = await Promise.race([nextText(socket), closed]);
      if (typeof first === 'string') return { socket, body: JSON.parse(first) as unknown };
      if (first.code !== 1013) return { code: first.code };
    }
  };
  const records = async () => ({
    sessions: (await fleet.keys('s:*')).length,
    pending: (await fleet.members('pending')).length,
  });

  it('is served by its opener wherever its client comes, once, and is counted afterwards', async () => {
    const [a, b, c] = [await start(), await start(), await start()];
    for (const { proxy } of [a, b, c]) proxy.cutBoth();
    const [one, two, three] = [await announce(a, 1), await announce(a, 2), await announce(a, 3)];
    expect([one, two, three].map(({ status }) => status)).toEqual([200, 200, 200]);
    const sockets = [await join(c, one.token), await join(a, two.token)];
    expect(sockets.map(({ body }) => body)).toEqual([1, 2]);
    expect([a, b, c].map(({ launcher }) => launcher.launches.length)).toEqual([2, 0, 0]);
    const isRefused = async (app: FleetApp, token: string) =>
      expect(await join(app, token)).toEqual({ code: 4003 });
    for (const app of [a, b, c]) await isRefused(app, one.token);
    for (const { proxy } of [a, b, c]) proxy.heal();
    await until(async () => (await records()).sessions === 3);
    expect(await records()).toEqual({ sessions: 3, pending: 1 });
    const last = await join(c, three.token);
    expect(last.body).toBe(3);
    expect(await records()).toEqual({ sessions: 3, pending: 0 });
    for (const { token } of [one, two, three]) {
      for (const app of [a, b, c]) await isRefused(app, token);
    }
    for (const { socket } of [...sockets, last]) socket?.close();
    await until(async () => (await records()).sessions === 0);
    await until(() => [a, b, c].flatMap((app) => app.records).length === 3);
  });

  it('is found by nodes that have their way to Redis, and given to the directory', async () => {
    const [a, b, c] = [await start(), await start(), await start()];
    a.proxy.cutBoth();
    const [one, two] = [await announce(a, 1), await announce(a, 2)];
    const { socket, body } = await join(b, one.token);
    expect([body, a.launcher.launches.length]).toEqual([1, 1]);
    expect(await join(c, one.token)).toEqual({ code: 4003 });
    a.proxy.heal();
    await until(async () => (await records()).pending === 1);
    // It is no more the opener's alone.
    const last = await join(c, two.token);
    expect([last.body, c.launcher.launches.length]).toEqual([2, 1]);
    for (const app of [a, b, c]) expect(await join(app, two.token)).toEqual({ code: 4003 });
    for (const one of [socket, last.socket]) one?.close();
    await until(async () => (await records()).sessions === 0);
    await until(() => a.records.length === 1 && c.records.length === 1);
  });

  it('takes a place of its opener, and ends there when nobody comes', async () => {
    const a = await start(2);
    a.proxy.cutBoth();
    const registry = a.app.get(SessionRegistry, { strict: false });
    const principal = { id: 'ada', maxSessions: 1 };
    const open = { transport: 'websocket', connectTimeoutMs: 300, principal };
    const session = await registry.open(open);
    await expect(registry.open(open)).rejects.toThrow(/You hold all 1 sessions/);
    expect((await announce(a, 'x'.repeat(20_000))).status).toBe(413);
    expect((await announce(a, 1)).status).toBe(200);
    expect((await announce(a, 2)).status).toBe(429);
    expect((await session.ended).code).toBe('expired');
    expect(a.records).toMatchObject([{ code: 'expired' }]);
    expect((await announce(a, 3)).status).toBe(200);
  });

  it('is opened by another node where the one that is asked shuts down', async () => {
    const [a, b] = [await start(), await start()];
    const [own, other] = [a, b].map(({ app }) => app.get(Fleet, { strict: false }).peers!);
    expect(await own!.knows(other!.name!)).toBe(true);
    for (const { proxy } of [a, b]) proxy.cutBoth();
    await until(async () => (await fetch(`${a.url}/fleet`)).status === 503);
    a.app.get(SessionRegistry, { strict: false }).close();
    const { status, token } = await announce(a, 1);
    expect(status).toBe(200);
    expect((await join(b, token)).body).toBe(1);
  });

  it('is refused in time once its opener is gone', async () => {
    const [a, b] = [await start(), await start()];
    for (const { proxy } of [a, b]) proxy.cutBoth();
    const { token } = await announce(a, 1);
    await a.app.close();
    const startMs = performance.now();
    expect(await closeOf(`${b.wsUrl}/ws-client?token=${token}`)).toMatchObject({ code: 1013 });
    expect(performance.now() - startMs).toBeLessThan(3_000);
    b.proxy.heal();
    await until(async () => (await fetch(`${b.url}/fleet`)).status === 200);
    expect(await closeOf(`${b.wsUrl}/ws-client?token=${token}`)).toMatchObject({ code: 1013 });
  });

  it('comes to no node that finds another fleet, since that would not serve it', async () => {
    const a = await start();
    const proxy = await ReplyProxy.to(fleet.redis.port);
    proxies.push(proxy);
    proxy.cutBoth();
    const of = { redis: proxy.url, secret: 'the secret of another fleet, and long enough' };
    const other = await fleet.start('fastify', bot, { of });
    const readiness = async ({ url }: FleetApp) => (await fetch(`${url}/readyz`)).status;
    expect([await readiness(a), await readiness(other)]).toEqual([200, 200]);
    proxy.heal();
    await until(async () => (await readiness(other)) === 503);
    expect(await (await fetch(`${other.url}/readyz`)).json()).toMatchObject({
      detail: expect.stringContaining(
        'fleet: This node cannot work with the others: another fleet',
      ),
    });
    expect(await readiness(a)).toBe(200);
  });

  it.each([
    ['without tokens', { webSocketAuth: 'none' }, {}],
    ['if that is wanted', {}, { whenRedisIsDown: 'refuse' }],
    ['by a node that serves no clients', {}, { roles: [] }],
  ] as const)('is refused %s', async (_, options, of) => {
    const proxy = await ReplyProxy.to(fleet.redis.port);
    proxies.push(proxy);
    const app = await fleet.start('express', bot, { ...options, of: { redis: proxy.url, ...of } });
    proxy.cutBoth();
    expect((await announce(app, 1)).status).toBe(503);
  });
});
