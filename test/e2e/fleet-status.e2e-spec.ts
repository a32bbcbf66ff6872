import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { RedisFleetOptions } from '../../src/fleet.js';
import { Fleet } from '../../src/fleet/fleet.js';
import {
  type BotLauncher,
  MetricsModule,
  OpenApiModule,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  VonageVideoModule,
  WebSocketModule,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { FleetApps } from '../support/fleet-apps.js';
import { FleetTestNode } from '../support/fleet-node.js';
import { describeWith } from '../support/needs.js';
import { scrape } from '../support/prometheus.js';
import {
  closeApps,
  connect,
  PLATFORMS,
  type Platform,
  post,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';
import { until } from '../support/until.js';

const bot: BotLauncher['launch'] = async (_args, session) => {
  session.ready();
  await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
};

const fleetOf = async (url: string, query = ''): Promise<Record<string, unknown>> =>
  (await (await fetch(`${url}/fleet${query}`)).json()) as Record<string, unknown>;

/** All that is told of a node that nobody talks to. */
const NODE = {
  ...{ state: 'ready', maxSessions: 3, sessions: 0, queued: 0, load: expect.any(Number) },
  roles: ['sockets', 'rooms'],
  version: expect.stringMatching(/^\d+\.\d+\.\d+/),
  lastBeatAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
};

it('is not there for a runner alone, and leaves the path to its host', async () => {
  const { url } = await startApp('fastify', [
    RunnerModule.forRoot({
      launcher: { useValue: new RecordingLauncher(bot) },
      transports: [WebSocketModule.forRoot()],
    }),
  ]);
  expect((await fetch(`${url}/fleet`)).status).toBe(404);
  await closeApps();
});

describeWith('redis-server')('the fleet of several nodes', () => {
  let fleet: FleetApps;
  beforeEach(async () => {
    fleet = await FleetApps.begin();
  });
  afterEach(() => fleet.end());

  const start = (
    platform: Platform,
    nodeName: string,
    options: RunnerOptions & RunnerModuleExtras = {},
    of: Partial<RedisFleetOptions> = {},
  ) =>
    fleet.start(platform, bot, {
      maxSessions: 3,
      of: { nodeName, heartbeatMs: 100, maxSessions: 5, ...of },
      ...options,
    });

  /** Begins to drain a node, once the client that has connected is served. */
  const drain = async ({ app }: RunningApp): Promise<void> => {
    const sessions = app.get(SessionRegistry, { strict: false });
    await until(() => sessions.live.some(({ state }) => state.name === 'running'));
    sessions.close();
  };

  it('is the same on each', async () => {
    const [a, b] = [await start('fastify', 'a'), await start('express', 'b', {}, { buffer: 20 })];
    const { json } = await post(`${a.url}/start`);
    await post(`${a.url}/start`);
    await connect(`${b.wsUrl}/ws-client?token=${String(json.token)}`);
    const expected = {
      nodes: [
        { ...NODE, name: expect.stringMatching(/^a-[0-9a-f]{8}$/) },
        { ...NODE, name: expect.stringMatching(/^b-[0-9a-f]{8}$/), sessions: 1 },
      ],
      totals: { nodes: 2, sessions: 2, maxSessions: 5 },
      ...{ waiting: 1, queued: 0 },
    };
    expect(await fleetOf(a.url)).toEqual({ ...expected, scaleOn: 2 });
    expect(await fleetOf(b.url)).toEqual({ ...expected, scaleOn: 22 });
  });

  it.each(PLATFORMS)('is shown to private keys only, on %s', async (platform) => {
    const { url } = await start(platform, 'a', {
      publicKeys: ['a-public-key-0123'],
      privateKeys: ['a-private-key-012'],
    });
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`${url}/fleet`, { headers })).status;
    expect(await ask({})).toBe(401);
    expect(await ask({ authorization: 'Bearer a-public-key-0123' })).toBe(401);
    expect(await ask({ authorization: 'Bearer a-private-key-012' })).toBe(200);
  });

  it('is described in OpenAPI', async () => {
    const features = [OpenApiModule.forRoot()];
    const { url } = await start('fastify', 'a', { features });
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
      paths: Record<string, unknown>;
      components: { schemas: Record<string, { required: string[] }> };
    };
    expect(document.paths['/fleet']).toMatchObject({ get: { operationId: 'getFleet' } });
    expect(document.components.schemas.FleetInfo!.required.sort()).toEqual(
      Object.keys(await fleetOf(url)).sort(),
    );
    expect(document.components.schemas.FleetNodeInfo!.required.sort()).toEqual(
      Object.keys({ ...NODE, name: '' }).sort(),
    );
  });

  it('counts who waits and who queues', async () => {
    const queue = { maxSessions: 3, startQueueMs: 20_000 };
    const [a, b] = [await start('fastify', 'a', queue), await start('fastify', 'b', queue)];
    const { json } = await post(`${a.url}/start`);
    const socket = await connect(`${b.wsUrl}/ws-client?token=${String(json.token)}`);
    for (let n = 0; n < 4; n++) await post(`${a.url}/start`);
    const queued = post(`${a.url}/start`);
    await until(async () => (await fleetOf(b.url)).queued === 1);
    expect(await fleetOf(b.url)).toMatchObject({ waiting: 4, scaleOn: 1 + 4 + 1 });
    socket.close();
    expect((await queued).status).toBe(200);
  });

  it.each(PLATFORMS)('is shown for the nodes of one role, on %s', async (platform) => {
    const { url } = await start(platform, 'clients', {}, { roles: ['sockets'], buffer: 20 });
    await start('fastify', 'both');
    const worker = await FleetTestNode.join('worker', fleet.redis.url, {
      ...{ namespace: 'pipecat', roles: ['rooms'], rooms: 3 },
    });
    await worker.heartbeat.beat();
    for (const id of ['one', 'other']) {
      const room = { id, transport: 'daily', kind: 'room' as const, data: {}, ttlMs: 60_000 };
      await worker.directory.open(room);
    }
    await post(`${url}/start`);
    const shown = async (query: string) => {
      const { nodes, waiting, scaleOn } = await fleetOf(url, query);
      const names = (nodes as { name: string }[]).map(({ name }) => name.replace(/-.*/, ''));
      return { names, waiting, scaleOn };
    };
    expect(await shown('')).toEqual({
      ...{ names: ['both', 'clients', 'worker'], waiting: 3, scaleOn: 23 },
    });
    expect(await shown('?role=sockets')).toEqual({
      ...{ names: ['both', 'clients'], waiting: 1, scaleOn: 21 },
    });
    expect(await shown('?role=rooms')).toEqual({
      ...{ names: ['both', 'worker'], waiting: 2, scaleOn: 22 },
    });
    for (const query of ['?role=cinema', '?role']) {
      const refused = await fetch(`${url}/fleet${query}`);
      expect([refused.status, await refused.text()]).toEqual([
        422,
        expect.stringContaining('role must be sockets or rooms'),
      ]);
    }
    worker.die();
  });

  it('says which nodes are overloaded, drain, and are silent', async () => {
    const a = await start('fastify', 'a');
    await start('fastify', 'busy', { loadFunction: () => 1 });
    const drained = await start('fastify', 'drained');
    const { json } = await post(`${a.url}/start`);
    await connect(`${drained.wsUrl}/ws-client?token=${String(json.token)}`);
    await drain(drained);
    // At most a third is given up within a lease, so that others are silent for a while.
    for (const name of ['silent 1', 'silent 2', 'silent 3']) {
      const node = await FleetTestNode.join(name, fleet.redis.url, {
        namespace: 'pipecat',
        leaseMs: 300,
        heartbeatMs: 100,
      });
      await node.heartbeat.beat();
      node.die();
    }
    const seen = new Set<string>();
    await until(async () => {
      const { nodes } = (await fleetOf(a.url)) as { nodes: { name: string; state: string }[] };
      for (const { name, state } of nodes) seen.add(`${name.replace(/-.*| .*/, '')} ${state}`);
      return ['busy overloaded', 'drained draining', 'silent silent'].every((one) => seen.has(one));
    });
    expect(seen).toContain('a ready');
    // What goes on where it drains needs no place elsewhere.
    expect(await fleetOf(a.url)).toMatchObject({ totals: { sessions: 1 }, scaleOn: 0 });
  });

  it('is in the metrics of each, and so is what it asks of Redis', async () => {
    const features = [MetricsModule.forRoot()];
    const a = await start('fastify', 'a', { features });
    const b = await start('express', 'b', { features });
    const { json } = await post(`${a.url}/start`);
    await post(`${a.url}/start`);
    await connect(`${b.wsUrl}/ws-client?token=${String(json.token)}`);
    await drain(b);
    const expected = {
      ...{ 'pipecat_fleet_nodes{state="ready"}': 1, 'pipecat_fleet_nodes{state="overloaded"}': 0 },
      ...{ 'pipecat_fleet_nodes{state="draining"}': 1, 'pipecat_fleet_nodes{state="silent"}': 0 },
      ...{
        'pipecat_fleet_sessions{state="waiting"}': 1,
        'pipecat_fleet_sessions{state="lost"}': 0,
      },
      'pipecat_fleet_sessions{state="active"}': 1,
      ...{ pipecat_fleet_degraded: 0, pipecat_fleet_lost_total: 0 },
      ...{ pipecat_fleet_moved_total: 0 },
    };
    for (const { url } of [a, b]) {
      await until(async () => (await scrape(url))['pipecat_fleet_nodes{state="draining"}'] === 1);
      const found = await scrape(url);
      expect(found).toMatchObject(expected);
      expect(found.pipecat_fleet_lease_age_seconds).toBeLessThan(1);
      expect(found['pipecat_fleet_directory_seconds_count{op="beat"}']).toBeGreaterThan(0);
    }
    expect(await scrape(a.url)).toMatchObject({
      'pipecat_fleet_directory_seconds_count{op="open"}': 2,
    });
    const { observer } = a.app.get(Fleet, { strict: false });
    observer!.proxied('offer');
    observer!.moved();
    await fleet.redis.kill();
    await until(async () => (await scrape(a.url)).pipecat_fleet_degraded === 1);
    const found = await scrape(a.url);
    expect(found).toMatchObject({
      'pipecat_fleet_proxied_total{kind="offer"}': 1,
      pipecat_fleet_moved_total: 1,
    });
    expect(
      found['pipecat_fleet_directory_errors_total{op="beat",kind="connection"}'],
    ).toBeGreaterThan(0);
    await until(async () => (await scrape(a.url)).pipecat_fleet_lease_age_seconds! > 0.5);
  });

  it('counts the sessions that a silent node has lost', async () => {
    const features = [MetricsModule.forRoot()];
    const { url } = await start('fastify', 'a', { features });
    const node = await FleetTestNode.join('gone', fleet.redis.url, {
      ...{ namespace: 'pipecat', leaseMs: 300, heartbeatMs: 100 },
    });
    await node.heartbeat.beat();
    await node.open('one');
    node.die();
    await until(async () => (await scrape(url)).pipecat_fleet_lost_total === 1);
    await until(async () => (await scrape(url))['pipecat_fleet_sessions{state="lost"}'] === 1);
    await until(async () => (await scrape(url))['pipecat_fleet_nodes{state="silent"}'] === 0);
  });

  it('has the time until a bot of a room was taken in the metrics of the node that took it', async () => {
    const vonage = { applicationId: 'app', sessionId: 'session', token: 'token' };
    const options = {
      transports: [VonageVideoModule.forRoot(vonage)],
      features: [MetricsModule.forRoot()],
    };
    const a = await start('fastify', 'a', options, { roles: [] });
    const b = await start('express', 'b', options, { dispatchTimeoutMs: 30_000 });
    const startMs = performance.now();
    expect((await post(`${a.url}/start`, { transport: 'vonage-video' })).status).toBe(200);
    await until(async () => (await scrape(b.url)).pipecat_fleet_dispatch_seconds_count === 1);
    const found = await scrape(b.url);
    expect(found.pipecat_fleet_dispatch_seconds_sum).toBeGreaterThan(0);
    expect(found.pipecat_fleet_dispatch_seconds_sum).toBeLessThan(
      (performance.now() - startMs) / 1_000,
    );
    expect(await scrape(a.url)).not.toHaveProperty('pipecat_fleet_dispatch_seconds_count');
  });

  it('is not in the metrics of a runner alone', async () => {
    const { url } = await startApp('fastify', [
      RunnerModule.forRoot({
        launcher: { useValue: new RecordingLauncher(bot) },
        transports: [WebSocketModule.forRoot()],
        features: [MetricsModule.forRoot()],
      }),
    ]);
    const names = Object.keys(await scrape(url));
    expect(names.filter((name) => name.startsWith('pipecat_fleet'))).toEqual([]);
    expect(names).toContain('pipecat_sessions{transport="websocket",state="running"}');
  });

  it('is 503 while Redis is away', async () => {
    const { url } = await start('fastify', 'a');
    await fleet.redis.kill();
    await until(async () => (await fetch(`${url}/fleet`)).status === 503);
  });
});
