import { Redis } from 'ioredis';
import { redisFleet, type RedisFleetOptions } from '../../src/fleet.js';
import {
  RunnerModule,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionHooks,
  type SessionRecord,
  WebSocketModule,
} from '../../src/index.js';
import { type BotLauncher } from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { FLEET_SECRET } from './fleet-node.js';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';
import { closeApps, type Platform, type RunningApp, startApp } from './runner-app.js';

export interface FleetApp extends RunningApp {
  readonly launcher: RecordingLauncher;
  /** Sessions whose end it has told. */
  readonly records: SessionRecord[];
}

interface FleetAppOptions extends RunnerOptions, RunnerModuleExtras {
  readonly of?: Partial<RedisFleetOptions>;
  /** True if closing it waits for conversations to end. */
  readonly waits?: boolean;
}

/** Several applications that are one runner, on one real Redis. */
export class FleetApps {
  private constructor(readonly redis: RedisServer) {}

  static async begin(): Promise<FleetApps> {
    return new FleetApps(await RedisServer.start());
  }

  async end(): Promise<void> {
    await closeApps();
    await this.redis.stop();
  }

  /** Keys of the fleet by a pattern, without its prefix. */
  async keys(pattern: string): Promise<string[]> {
    const client = new Redis(this.redis.url);
    const keys = await client.keys(`pipecat:{pipecat}:${pattern}`);
    client.disconnect();
    return keys;
  }

  /** Members of a sorted set, named without the fleet's prefix. */
  async members(name: string): Promise<string[]> {
    const client = new Redis(this.redis.url);
    const members = await client.zrange(`pipecat:{pipecat}:${name}`, '0', '-1');
    client.disconnect();
    return members;
  }

  /** Makes Redis forget everything. */
  async empty(): Promise<void> {
    const client = new Redis(this.redis.url);
    await client.flushall();
    client.disconnect();
  }

  /** All that a hash has. */
  async dump(key: string): Promise<string> {
    const client = new Redis(this.redis.url);
    const fields = await client.hgetall(key);
    client.disconnect();
    return JSON.stringify(fields);
  }

  /** Returns the records of the nodes, as they tell them. */
  async states(): Promise<string> {
    const client = new Redis(this.redis.url);
    const keys = await client.keys('pipecat:{pipecat}:n:*');
    const infos = await Promise.all(keys.map((key) => client.hget(key, 'i')));
    client.disconnect();
    return infos.join('\n');
  }

  /** Options of a node at a port. */
  optionsAt(port: number): RedisFleetOptions {
    return {
      ...{ redis: this.redis.url, secret: FLEET_SECRET },
      ...{ advertiseUrl: `http://127.0.0.1:${port}`, heartbeatMs: 200, leaseMs: 1_000 },
    };
  }

  /** Starts one of them. @param bot whose launches are recorded */
  async start(
    platform: Platform,
    bot?: BotLauncher['launch'],
    { of, waits, ...options }: FleetAppOptions = {},
  ): Promise<FleetApp> {
    const port = await freePort();
    const records: SessionRecord[] = [];
    class Hooks extends SessionHooks {
      ended(record: SessionRecord): void {
        records.push(record);
      }
    }
    const launcher = new RecordingLauncher(bot);
    const runner = RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [WebSocketModule.forRoot()],
      sessionHooks: Hooks,
      webSocketAuth: 'token',
      maxSessions: 20,
      fleet: { useFactory: () => redisFleet({ ...this.optionsAt(port), ...of }) },
      ...options,
    });
    const app = await startApp(platform, [runner], undefined, {}, { port, waits });
    return { ...app, launcher, records };
  }
}
