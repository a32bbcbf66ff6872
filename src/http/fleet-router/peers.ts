import type { IncomingMessage } from 'node:http';
import type { Hops } from './hops.js';

/** Another node of the fleet. */
export interface PeerNode {
  /** Name, unique to its process. */
  readonly name: string;
  /** URL for the other nodes, without a path. */
  readonly url: string;
}

/**
 * Whereabouts of a session: `here`; `waiting` for its client, which any node may serve; `unknown`: ended, or never opened; or the node that owns it.
 */
export type Whereabouts = 'here' | 'waiting' | 'unknown' | PeerNode;

/** Session that a token names. */
export interface NamedSession {
  readonly sessionId: string;
  /** Name of the node that has opened it, where it is a fleet's. */
  readonly opener?: string;
}

/** Is told of what is passed on, for metrics. Must not throw. */
export interface PassingObserver {
  /** Called when a request was passed on to the node that has its session. @param kind `offer`, `webhook`, or `request` for others */
  proxied(kind: 'offer' | 'request' | 'webhook'): void;
  /** Called when a socket or an offer was passed on to a node with a free place, or to the one that has opened its session. */
  moved(): void;
}

/** Port of the fleet to what passes requests on: where sessions are, and the keys between nodes. */
export interface Peers {
  readonly hops: Hops;
  readonly observer: PassingObserver | undefined;
  /** Name of this node; `undefined` before it has joined. */
  readonly name: string | undefined;
  /** URL of this node for the other nodes, without a path. */
  readonly url: string;
  /** True while this node takes no more sessions: it is full, has too much to do, or drains. */
  readonly mustPass: boolean;
  /**
   * Returns the nodes that a socket is passed on to, the best one first: the one that has opened its session where the directory does not know that, or some
   * with places where this one takes none.
   * @param request its upgrade
   * @returns `undefined` for a socket that is served here, which is then {@link serves served} already. Never rejects.
   */
  takersOf(
    named: NamedSession | undefined,
    request: IncomingMessage,
  ): Promise<readonly PeerNode[]> | undefined;
  /**
   * Returns true for a socket that is served here, and keeps a place free for it from those that come after it, until {@link settle} is called.
   * @param request its upgrade
   */
  serves(named: NamedSession | undefined, request: IncomingMessage): boolean;
  /** Called when it is decided if an upgrade gets a place, and when its connection is closed. Idempotent. */
  settle(request: IncomingMessage): void;
  /** True while this node opens no sessions: it drains, or has too much to do. */
  readonly opensNone: boolean;
  /**
   * Returns a few other nodes that have places, the best one first. Never rejects.
   * @param opening true for nodes that open sessions, which need no place for it
   */
  withPlaces(opening?: boolean): Promise<readonly PeerNode[]>;
  /** Returns where a session is. @param isFresh true to ask again what is known already @throws {RunnerError} `OVERLOADED` when it is not to be found out */
  locate(sessionId: string, isFresh?: boolean): Whereabouts | Promise<Whereabouts>;
  /** Returns the other nodes that own sessions of a name, such as a room's. @throws {RunnerError} `OVERLOADED` when it is not to be found out */
  ownersOf(name: string): Promise<readonly PeerNode[]>;
  /** Returns true for the name of a node of this fleet. Never rejects. */
  knows(node: string): Promise<boolean>;
}
