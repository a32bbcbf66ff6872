import { Hops } from '../http/fleet-router/hops.js';
import type { Peers, Whereabouts } from '../http/fleet-router/peers.js';
import type { RedisFleetNode } from './redis-fleet-node.js';

/** The other nodes of a fleet over Redis, for what passes requests on to them. */
export class RedisPeers implements Peers {
  readonly hops: Hops;

  constructor(
    keys: readonly [Buffer, ...Buffer[]],
    /** Returns this node; `undefined` before it has joined. */
    private readonly node: () => RedisFleetNode | undefined,
    /** Returns true for a session that this node owns. */
    private readonly owns: (id: string) => boolean,
  ) {
    this.hops = new Hops(keys);
  }

  get name(): string | undefined {
    return this.node()?.name;
  }

  locate(id: string, isFresh?: boolean): Whereabouts | Promise<Whereabouts> {
    if (this.owns(id)) return 'here';
    return this.node()?.places.locate(id, isFresh) ?? 'unknown';
  }
}
