import type { Hops } from './hops.js';

/** Another node of the fleet. */
export interface PeerNode {
  /** Name, unique to its process. */
  readonly name: string;
  /** Base URL for the other nodes. */
  readonly url: string;
}

/**
 * Whereabouts of a session: `here`; `waiting` for its client, which any node may serve; `unknown`: ended, never opened, or not to be found out; or the node
 * that owns it.
 */
export type Whereabouts = 'here' | 'waiting' | 'unknown' | PeerNode;

/** Port of the fleet to what passes requests on: where sessions are, and the keys between nodes. */
export interface Peers {
  readonly hops: Hops;
  /** Name of this node; `undefined` before it has joined. */
  readonly name: string | undefined;
  /** Returns where a session is. Never rejects. @param isFresh true to ask again what is known already */
  locate(sessionId: string, isFresh?: boolean): Whereabouts | Promise<Whereabouts>;
}
