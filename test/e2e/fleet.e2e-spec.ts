import { once } from 'node:events';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Redis as Redis5 } from 'ioredis-5';
import { redisFleet, type RedisClient, type RedisFleetOptions } from '../../src/fleet.js';
import {
  type BotLauncher,
  RunnerModule,
  type RunnerOptions,
  SessionHooks,
  type SessionRecord,
  WebSocketModule,
  type WebSocketRunnerArguments,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { FLEET_SECRET } from '../support/fleet-node.js';
import { describeWith } from '../support/needs.js';
import { RedisServer } from '../support/redis-server.js';
import {
  closeApps,
  closeOf,
  connect,
  nextText,
  type Platform,
  post,
  startApp,
} from '../support/runner-app.js';
import { spawnHost } from '../support/spawn-host.js';
import { until } from '../support/until.js';

/** Says what it was given. */
const bot: BotLauncher['launch'] = async (args, session) => {
  session.ready();
  (args as WebSocketRunnerArguments).websocket.send(JSON.stringify(args.body));
  await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
};

describeWith('redis-server')('two applications that are one runner', () => {
  let redis: RedisServer;
  let records: SessionRecord[];

  const fleetOptions = (): RedisFleetOptions => ({
    ...{ redis: redis.url, secret: FLEET_SECRET, advertiseUrl: 'http://127.0.0.1:3000' },
    ...{ heartbeatMs: 200, leaseMs: 1_000, maxSessions: 4 },
  });

  const start = async (
    platform: Platform,
    options: RunnerOptions = {},
    fleet: Partial<RedisFleetOptions> = {},
  ) => {
    class Hooks extends SessionHooks {
      ended(record: SessionRecord): void {
        records.push(record);
      }
    }
    const launcher = new RecordingLauncher(bot);
    const app = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: { useValue: launcher },
        transports: [WebSocketModule.forRoot()],
        sessionHooks: Hooks,
        webSocketAuth: 'token',
        maxSessions: 3,
        fleet: { useFactory: () => redisFleet({ ...fleetOptions(), ...fleet }) },
        ...options,
      }),
    ]);
    return { ...app, launcher };
  };

  const announce = async (url: string, body: unknown) => {
    const answer = await post(`${url}/start`, { transport: 'websocket', body });
    return { ...answer, token: String(answer.json.token) };
  };

  beforeEach(async () => {
    records = [];
    redis = await RedisServer.start();
  });
  afterEach(async () => {
    await closeApps();
    await redis.stop();
  });

  it('takes a start on one and its socket on the other, once', async () => {
    const [a, b] = [await start('fastify'), await start('express')];
    const { sessionId, token } = await announce(a.url, { topic: 'billing' });
    const socket = await connect(`${b.wsUrl}/ws-client?token=${token}`);
    expect(JSON.parse(await nextText(socket))).toEqual({ topic: 'billing' });
    for (const { wsUrl } of [a, b]) {
      expect(await closeOf(`${wsUrl}/ws-client?token=${token}`)).toMatchObject({ code: 4003 });
    }
    for (const { url } of [a, b]) {
      await until(async () => {
        const one = (await (await fetch(`${url}/sessions/${sessionId}`)).json()) as object;
        return 'state' in one && one.state === 'running';
      });
      const list = (await (await fetch(`${url}/sessions`)).json()) as Record<string, unknown>;
      expect(list).toMatchObject({ total_count: 1, sessions: [{ sessionId, state: 'running' }] });
    }
    socket.close();
    await until(() => records.length > 0);
    expect(records).toMatchObject([{ sessionId, code: 'peer_left' }]);
    expect([a.launcher.launches.length, b.launcher.launches.length]).toEqual([0, 1]);
  });

  it('holds the limit of the fleet over both', async () => {
    const [a, b] = [await start('fastify'), await start('fastify')];
    const urls = [a.url, b.url, a.url, b.url, a.url, b.url];
    const answers = await Promise.all(urls.map((url) => announce(url, {})));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 429, 429]);
    const { token } = answers.find(({ status }) => status === 200)!;
    const socket = await connect(`${a.wsUrl}/ws-client?token=${token}`);
    socket.close();
    await until(async () => (await announce(b.url, {})).status === 200);
  });

  it('reports the sessions of a node that was killed as lost, once', async () => {
    const host = new URL('../support/fleet-host.js', import.meta.url);
    const { child, port } = await spawnHost(host, fleetOptions());
    const [a] = [await start('fastify'), await start('fastify')];
    const { sessionId, token } = await announce(a.url, { topic: 'billing' });
    const socket = await connect(`ws://127.0.0.1:${port}/ws-client?token=${token}`);
    expect(JSON.parse(await nextText(socket))).toEqual({ topic: 'billing' });
    const startMs = performance.now();
    child.kill('SIGKILL');
    await once(child, 'exit');
    await until(() => records.length > 0);
    // A loss is provisional for three leases.
    expect(performance.now() - startMs).toBeLessThan(15_000);
    expect(records).toMatchObject([{ sessionId, code: 'lost', transport: 'websocket' }]);
    const found = (await (await fetch(`${a.url}/sessions/${sessionId}`)).json()) as object;
    expect(found).toMatchObject({ state: 'ended', endReason: 'lost' });
  });

  it('leaves what waits to the other when one shuts down', async () => {
    const [a, b] = [await start('fastify'), await start('fastify')];
    const { token } = await announce(a.url, { n: 1 });
    await a.app.close();
    const socket = await connect(`${b.wsUrl}/ws-client?token=${token}`);
    expect(JSON.parse(await nextText(socket))).toEqual({ n: 1 });
    socket.close();
    await until(() => records.length > 0);
    expect(records).toMatchObject([{ code: 'peer_left' }]);
  });

  it('works with ioredis 5 on one of them', async () => {
    const five = {
      redis: (options: object) => new Redis5(redis.url, options) as unknown as RedisClient,
    };
    const [a, b] = [await start('fastify', {}, five), await start('fastify')];
    for (const [from, to] of [[a, b] as const, [b, a] as const]) {
      const { token } = await announce(from.url, { n: 2 });
      const socket = await connect(`${to.wsUrl}/ws-client?token=${token}`);
      expect(JSON.parse(await nextText(socket))).toEqual({ n: 2 });
      socket.close();
    }
    await until(() => records.length === 2);
  });

  it('does not start without a limit of the node, or with the secret of another fleet', async () => {
    jest.spyOn(console, 'error').mockImplementation(() => undefined);
    await expect(start('fastify', { maxSessions: Infinity })).rejects.toThrow(
      /maxSessions must be a number with a fleet/,
    );
    await start('fastify');
    const secret = 'the secret of another fleet, and long enough';
    await expect(start('fastify', {}, { secret })).rejects.toThrow(/another fleet, with another/);
  });
});
