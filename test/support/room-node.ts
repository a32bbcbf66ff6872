import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { RedisFleetOptions } from '../../src/fleet.js';
import type { ProcessBotOptions } from '../../src/index.js';
import { isObject } from '../../src/validation/is-object.js';
import type { FakeDaily } from './fake-daily.js';
import type { LiveKitTestServer } from './livekit-server.js';
import { spawnHost } from './spawn-host.js';

/** Options of {@link RoomNode.start}. */
interface RoomNodeOptions {
  readonly fleet: RedisFleetOptions;
  /** The server of its rooms, one of the two. */
  readonly livekit?: LiveKitTestServer;
  readonly daily?: FakeDaily;
  readonly maxSessions: number;
  /** Bots in processes of their own. @default those of the node's process */
  readonly program?: ProcessBotOptions;
  readonly withoutBullMq?: boolean;
}

/** Launch of a bot. */
interface Launch {
  readonly id: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  /** Time of the system's clock. */
  readonly atMs: number;
}

/** A node in a process of its own, whose bots join LiveKit rooms, or get Daily rooms. */
export class RoomNode {
  /** Sessions whose bots it launched, with the time. */
  readonly launches: Launch[] = [];
  /** Ends that it told, as `<session id> <code>`. */
  readonly ends: string[] = [];
  /** Bots that it stopped, with the code of their end. */
  readonly stops: string[] = [];
  /** Times of {@link stops}. */
  readonly stoppedAtMs: number[] = [];

  private constructor(
    readonly child: ChildProcess,
    readonly url: string,
  ) {
    child.on('message', (message) => {
      if (!isObject(message)) return;
      const { launched, args, stopped, ended, code } = message;
      const atMs = Number(message.atMs);
      if (typeof launched === 'string' && isObject(args)) {
        this.launches.push({ id: launched, args, body: args.body, atMs });
      }
      if (typeof stopped === 'string') {
        this.stops.push(`${stopped} ${String(code)}`);
        this.stoppedAtMs.push(atMs);
      }
      if (typeof ended === 'string') this.ends.push(`${ended} ${String(code)}`);
    });
  }

  static async start({
    livekit,
    daily,
    withoutBullMq = false,
    ...options
  }: RoomNodeOptions): Promise<RoomNode> {
    const host = new URL(
      withoutBullMq ? './without-bullmq.js' : './room-node-host.js',
      import.meta.url,
    );
    const { child, port } = await spawnHost(host, {
      ...options,
      livekit: livekit && {
        ...{ url: livekit.url, apiKey: livekit.apiKey, apiSecret: livekit.apiSecret },
      },
      daily: daily && { apiKey: daily.apiKey, apiUrl: daily.apiUrl },
    });
    return new RoomNode(child, `http://127.0.0.1:${port}`);
  }

  /** Ids of the sessions whose bots it launched. */
  get ids(): string[] {
    return this.launches.map(({ id }) => id);
  }

  /** Shuts it down. */
  async close(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.send('close');
    await ended;
  }

  /** Kills it as a crash would. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGCONT');
    this.child.kill('SIGKILL');
    await ended;
  }
}
