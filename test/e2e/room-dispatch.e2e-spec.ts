import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { RoomServiceClient } from 'livekit-server-sdk';
import { redisFleet, type RedisFleetOptions } from '../../src/fleet.js';
import {
  LiveKitModule,
  type ProcessBotOptions,
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionHooks,
  type SessionRecord,
  WebSocketModule,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { FLEET_SECRET } from '../support/fleet-node.js';
import { LiveKitTestServer } from '../support/livekit-server.js';
import { describeWith } from '../support/needs.js';
import { RedisServer } from '../support/redis-server.js';
import { RoomNode } from '../support/room-node.js';
import { descendantsOf } from '../support/process-host.js';
import { closeApps, closeOf, connect, post, startApp } from '../support/runner-app.js';
import { spawnHost } from '../support/spawn-host.js';
import { until } from '../support/until.js';

const TIMES = { heartbeatMs: 300, leaseMs: 1_500 };

describeWith('redis-server', 'livekit-server')('rooms of a fleet', () => {
  let redis: RedisServer;
  let livekit: LiveKitTestServer;
  let rooms: RoomServiceClient;
  let nodes: RoomNode[];
  let records: SessionRecord[];

  const fleetOptions = (fleet: Partial<RedisFleetOptions> = {}): RedisFleetOptions => ({
    ...{ redis: redis.url, secret: FLEET_SECRET, advertiseUrl: 'http://127.0.0.1:3000' },
    ...TIMES,
    ...fleet,
  });

  /** Starts a node in this process, which runs no bots of rooms unless it is told. */
  const start = async (
    fleet: Partial<RedisFleetOptions> = {},
    options: RunnerOptions & RunnerModuleExtras = {},
  ) => {
    class Hooks extends SessionHooks {
      ended(record: SessionRecord): void {
        records.push(record);
      }
    }
    const launcher = new RecordingLauncher(async (_, session) => {
      session.ready();
      await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
    });
    const { url, apiKey, apiSecret } = livekit;
    const app = await startApp('fastify', [
      RunnerModule.forRoot({
        launcher: { useValue: launcher },
        transports: [LiveKitModule.forRoot({ url, apiKey, apiSecret, room: {} })],
        sessionHooks: Hooks,
        maxSessions: 3,
        fleet: { useFactory: () => redisFleet(fleetOptions({ roles: [], ...fleet })) },
        ...options,
      }),
    ]);
    return { ...app, launcher };
  };

  const worker = async (
    fleet: Partial<RedisFleetOptions> = {},
    maxSessions = 2,
    program?: ProcessBotOptions,
  ) => {
    const options = { fleet: fleetOptions(fleet), livekit, maxSessions, program };
    const node = await RoomNode.start(options);
    nodes.push(node);
    return node;
  };

  const ask = async (url: string, body: unknown = {}) => {
    const answer = await post(`${url}/start`, { transport: 'livekit', body });
    return { ...answer, id: String(answer.json.sessionId) };
  };

  /** Asks until a session is started. @returns its id */
  const untilStarted = async (url: string): Promise<string> => {
    let id = '';
    await until(async () => {
      const answer = await ask(url);
      id = answer.id;
      return answer.status === 200;
    }, 15_000);
    return id;
  };

  const stateOf = async (url: string, id: string) =>
    ((await (await fetch(`${url}/sessions/${id}`)).json()) as { state?: string }).state;

  const roomNames = async () => (await rooms.listRooms()).map(({ name }) => name);

  beforeAll(async () => {
    livekit = await LiveKitTestServer.reserve();
    await livekit.start('http://127.0.0.1:9/nobody');
    const { url, apiKey, apiSecret } = livekit;
    rooms = new RoomServiceClient(url.replace('ws', 'http'), apiKey, apiSecret);
  });
  afterAll(() => livekit.kill());
  beforeEach(async () => {
    [nodes, records] = [[], []];
    redis = await RedisServer.start();
  });
  afterEach(async () => {
    await closeApps();
    for (const node of nodes) await node.kill();
    await redis.stop();
    for (const name of await roomNames()) await rooms.deleteRoom(name);
  });

  it('run on a worker, with their body, and end there', async () => {
    const [api, one, other] = [await start(), await worker(), await worker()];
    const { id, status, json } = await ask(api.url, { topic: 'billing' });
    expect([status, typeof json.token]).toEqual([200, 'string']);
    await until(() => one.launches.length + other.launches.length > 0);
    const [launch] = [...one.launches, ...other.launches];
    expect(launch).toMatchObject({ id, body: { topic: 'billing' } });
    const [name = ''] = await roomNames();
    await until(async () => (await rooms.listParticipants(name)).length === 1);
    await until(async () => (await stateOf(api.url, id)) === 'running');
    expect([api.launcher.launches.length, records]).toEqual([0, []]);
  });

  it('take exactly the places that there are', async () => {
    const [api, one, other] = [await start(), await worker(), await worker()];
    const asked = await Promise.all(Array.from({ length: 12 }, () => ask(api.url)));
    const taken = asked.filter(({ status }) => status === 200);
    expect(asked.map(({ status }) => status).sort()).toEqual([
      ...Array<number>(4).fill(200),
      ...Array<number>(8).fill(429),
    ]);
    expect(asked.find(({ status }) => status === 429)?.json.message).toContain(
      'No node of the fleet',
    );
    await until(() => one.ids.length + other.ids.length === 4);
    expect([...one.ids, ...other.ids].sort()).toEqual(taken.map(({ id }) => id).sort());
    expect([one.ids.length, other.ids.length]).toEqual([2, 2]);
    expect((await ask(api.url)).status).toBe(429);
    const [gone] = one.ids;
    await fetch(`${one.url}/sessions/${gone}`, { method: 'DELETE' });
    await until(async () => (await ask(api.url)).status === 200);
    await until(() => one.ids.length === 3);
  });

  it('run on the node that is asked while it has a place, and then on another', async () => {
    const [own, other] = [await start({ roles: ['rooms'] }, { maxSessions: 1 }), await worker()];
    const [first, second] = [await ask(own.url), await ask(own.url)];
    expect([first.status, second.status]).toEqual([200, 200]);
    await until(() => other.ids.length === 1);
    expect(own.launcher.launches.map(({ session }) => session.id)).toEqual([first.id]);
    expect(other.ids).toEqual([second.id]);
  });

  it('end as start_failed when no node takes them in time, and are removed', async () => {
    const api = await start({ dispatchTimeoutMs: 1_500 });
    const stopped = await worker({ leaseMs: 60_000 });
    stopped.child.kill('SIGSTOP');
    const { id, status } = await ask(api.url);
    expect([status, (await roomNames()).length]).toEqual([200, 1]);
    await until(() => records.length > 0);
    expect(records).toMatchObject([{ sessionId: id, code: 'start_failed', transport: 'livekit' }]);
    await until(async () => (await roomNames()).length === 0);
    // The job that is left is nobody's.
    stopped.child.kill('SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(stopped.ids).toEqual([]);
    expect((await ask(api.url)).status).toBe(200);
    await until(() => stopped.ids.length === 1);
  });

  it('are taken from a node that was killed with their job in hand', async () => {
    const api = await start();
    const late = await worker({ leaseMs: 60_000 });
    late.child.kill('SIGSTOP');
    const prefix = 'pipecat:{pipecat}:bull';
    const holder = new URL('../support/job-holder.js', import.meta.url);
    const { child } = await spawnHost(holder, { url: redis.url, prefix });
    const held = once(child, 'message');
    // The stopped node waits for a job already, and is given one before.
    const answers = [await ask(api.url), await ask(api.url)];
    await held;
    child.kill('SIGKILL');
    const startMs = performance.now();
    late.child.kill('SIGCONT');
    await until(() => late.ids.length === 2);
    expect(performance.now() - startMs).toBeLessThan(7_000);
    expect(late.ids.sort()).toEqual(answers.map(({ id }) => id).sort());
  });

  it('are lost with their node, once, and removed', async () => {
    const [api, first] = [await start(), await worker()];
    const { id } = await ask(api.url);
    await until(() => first.ids.length === 1);
    const second = await worker();
    await first.kill();
    await until(() => records.length + second.ends.length > 0, 15_000);
    await until(async () => (await roomNames()).length === 0);
    expect([
      ...records.map(({ sessionId, code }) => `${sessionId} ${code}`),
      ...second.ends,
    ]).toEqual([`${id} lost`]);
    expect(second.ids).toEqual([]);
  });

  it('are launched again on another node, once, with onNodeLoss: restart', async () => {
    const restart = { onNodeLoss: 'restart' } as const;
    const [api, first] = [await start(restart), await worker(restart)];
    const { id } = await ask(api.url, { topic: 'billing' });
    await until(() => first.ids.length === 1);
    const [name = ''] = await roomNames();
    const second = await worker(restart);
    await first.kill();
    const startMs = performance.now();
    await until(() => second.ids.length === 1, 15_000);
    expect(performance.now() - startMs).toBeLessThan(TIMES.leaseMs + 7_000);
    expect(second.launches).toMatchObject([{ id, body: { topic: 'billing' } }]);
    await until(async () => (await rooms.listParticipants(name)).length > 0);
    await fetch(`${second.url}/sessions/${id}`, { method: 'DELETE' });
    await until(() => second.ends.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 3 * TIMES.leaseMs));
    expect([second.ids, second.ends, records]).toEqual([[id], [`${id} stopped`], []]);
  });

  it('have one bot when the node that was silent comes back', async () => {
    const restart = { onNodeLoss: 'restart' } as const;
    const [api, first] = [await start(restart), await worker(restart)];
    const { id } = await ask(api.url);
    const [name = ''] = await roomNames();
    await until(() => first.ids.length === 1);
    const second = await worker(restart);
    first.child.kill('SIGSTOP');
    await until(() => second.ids.length === 1, 15_000);
    first.child.kill('SIGCONT');
    await until(() => first.stops.length === 1);
    // LiveKit itself throws it out, unless the fleet was faster.
    expect(first.stops[0]).toMatch(/ (lost|peer_error)$/);
    await new Promise((resolve) => setTimeout(resolve, TIMES.leaseMs));
    expect([second.ids, second.stops]).toEqual([[id], []]);
    expect([first.ends, second.ends, records]).toEqual([[], [], []]);
    expect(await rooms.listParticipants(name)).toHaveLength(1);
  });

  it('get a warm process of the node that takes them', async () => {
    const api = await start();
    const module = fileURLToPath(new URL('../support/bots/obedient-bot.js', import.meta.url));
    const one = await worker({}, 2, { module, warmProcesses: 1 });
    await until(() => descendantsOf(one.child.pid!).length === 1);
    const [warm] = descendantsOf(one.child.pid!);
    const { id } = await ask(api.url, { do: 'requests' });
    await until(async () => (await stateOf(api.url, id)) === 'running');
    expect(one.ends).toEqual([]);
    process.kill(warm!, 'SIGKILL');
    await until(() => one.ends.length > 0);
    expect(one.ends).toEqual([`${id} failed`]);
  });

  it('stay where they are without BullMQ, and the options that need it are refused', async () => {
    const start = (fleet: Partial<RedisFleetOptions>) =>
      RoomNode.start({ fleet: fleetOptions(fleet), livekit, maxSessions: 1, withoutBullMq: true });
    for (const fleet of [{ roles: [] }, { onNodeLoss: 'restart' }] as const) {
      await expect(start(fleet)).rejects.toThrow('the host did not start');
    }
    const one = await start({});
    nodes.push(one, await worker());
    const statuses = [(await ask(one.url)).status, (await ask(one.url)).status];
    expect(statuses).toEqual([200, 429]);
    await until(() => one.ids.length === 1);
  });

  it('leave clients alone that come to a node without sockets', async () => {
    const auth = { webSocketAuth: 'token' } as const;
    const webSocket = { transports: [WebSocketModule.forRoot()], ...auth };
    const [api, other] = [
      await start({}, webSocket),
      await start({ roles: ['sockets'] }, webSocket),
    ];
    const { json } = await post(`${api.url}/start`, { transport: 'websocket', body: { n: 1 } });
    const path = `ws-client?token=${String(json.token)}`;
    expect(await closeOf(`${api.wsUrl}/${path}`)).toMatchObject({ code: 1013 });
    const socket = await connect(`${other.wsUrl}/${path}`);
    await until(() => other.launcher.launches.length === 1);
    socket.close();
  });

  it('are handed over again once Redis is back', async () => {
    const [api, one] = [await start(), await worker()];
    await redis.kill();
    await until(async () => (await ask(api.url)).status === 503);
    await redis.start();
    const asked = await untilStarted(api.url);
    await until(() => one.ids.includes(asked), 15_000);
    expect(one.ids).toEqual([asked]);
  });

  it('keep no node from ending', async () => {
    const [api, one] = [await start(), await worker()];
    const { id } = await ask(api.url);
    // It tells of its end only after it has joined.
    await until(async () => (await stateOf(api.url, id)) === 'running');
    const exited = once(one.child, 'exit');
    one.child.send('close');
    await until(() => one.stops.length > 0);
    expect(one.stops).toEqual([`${id} draining`]);
    expect(await exited).toEqual([0, null]);
    expect((await ask(api.url)).status).toBe(429);
  });
});
