import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { RoomServiceClient } from 'livekit-server-sdk';
import { redisFleet, type RedisFleetOptions } from '../../src/fleet.js';
import {
  LiveKitModule,
  RunnerModule,
  type RunnerOptions,
  SessionHooks,
  type SessionRecord,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { FLEET_SECRET } from '../support/fleet-node.js';
import { LiveKitTestServer } from '../support/livekit-server.js';
import { describeWith } from '../support/needs.js';
import { RedisServer } from '../support/redis-server.js';
import { RoomNode } from '../support/room-node.js';
import { closeApps, post, startApp } from '../support/runner-app.js';
import { until } from '../support/until.js';

jest.setTimeout(60_000);

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
  const start = async (fleet: Partial<RedisFleetOptions> = {}, options: RunnerOptions = {}) => {
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

  const worker = async (fleet: Partial<RedisFleetOptions> = {}, maxSessions = 2) => {
    const node = await RoomNode.start({ fleet: fleetOptions(fleet), livekit, maxSessions });
    nodes.push(node);
    return node;
  };

  const ask = async (url: string, body: unknown = {}) => {
    const answer = await post(`${url}/start`, { transport: 'livekit', body });
    return { ...answer, id: String(answer.json.sessionId) };
  };

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
    await until(async () => {
      const found = (await (await fetch(`${api.url}/sessions/${id}`)).json()) as object;
      return 'state' in found && found.state === 'running';
    });
    expect([api.launcher.launches.length, records]).toEqual([0, []]);
  });
});
