import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { RedisFleetOptions } from '../../src/fleet.js';
import { isObject } from '../../src/validation/is-object.js';
import type { LiveKitTestServer } from './livekit-server.js';
import { spawnHost } from './spawn-host.js';

/** Options of {@link RoomNode.start}. */
interface RoomNodeOptions {
  readonly fleet: RedisFleetOptions;
  readonly livekit: LiveKitTestServer;
  readonly maxSessions: number;
}

/** A node in a process of its own, whose bots join LiveKit rooms. */
export class RoomNode {
  /** Sessions whose bots it launched, with the time. */
  readonly launches: { readonly id: string; readonly body: unknown; readonly atMs: number }[] = [];
  /** Ends that it told, as `<session id> <code>`. */
  readonly ends: string[] = [];
  /** Bots that it stopped, with the code of their end. */
  readonly stops: string[] = [];

  private constructor(
    readonly child: ChildProcess,
    readonly url: string,
  ) {
    child.on('message', (message) => {
      if (!isObject(message)) return;
      const { launched, body, stopped, ended, code } = message;
      if (typeof launched === 'string') {
        this.launches.push({ id: launched, body, atMs: performance.now() });
      }
      if (typeof stopped === 'string') this.stops.push(`${stopped} ${String(code)}`);
      if (typeof ended === 'string') this.ends.push(`${ended} ${String(code)}`);
    });
  }

  static async start({ livekit, ...options }: RoomNodeOptions): Promise<RoomNode> {
    const { url, apiKey, apiSecret } = livekit;
    const host = new URL('./room-node-host.js', import.meta.url);
    const { child, port } = await spawnHost(host, {
      ...options,
      livekit: { url, apiKey, apiSecret },
    });
    return new RoomNode(child, `http://127.0.0.1:${port}`);
  }

  /** Ids of the sessions whose bots it launched. */
  get ids(): string[] {
    return this.launches.map(({ id }) => id);
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
