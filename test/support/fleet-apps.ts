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
    { of, ...options }: FleetAppOptions = {},
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
    const app = await startApp(platform, [runner], undefined, {}, port);
    return { ...app, launcher, records };
  }
}
