import type { IncomingMessage } from 'node:http';
import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import { Hops } from '../http/fleet-router/hops.js';
import type {
  NamedSession,
  PassingObserver,
  PeerNode,
  Peers,
  Whereabouts,
} from '../http/fleet-router/peers.js';
import type { Capacity } from '../sessions/admission.js';
import { unavailable } from './fleet-refusals.js';
import type { OwnedSessions } from './owned-sessions.js';
import type { RedisFleetNode } from './redis-fleet-node.js';

/** This node, as far as it is there yet. */
interface OwnNode {
  /** True if nothing begins while Redis is away. */
  readonly refuses: boolean;
  /** True if it serves clients and carriers. */
  readonly takesSockets: boolean;
  /** URL for the other nodes, without a path. */
  readonly url: string;
  observer(): PassingObserver | undefined;
  /** Returns the node; `undefined` unless it has joined. */
  node(): RedisFleetNode | undefined;
  owned(): OwnedSessions;
  capacity(): Capacity;
}

/** The other nodes of a fleet over Redis, for what passes requests on to them. */
export class RedisPeers implements Peers {
  readonly hops: Hops;
  private readonly logger = new RunnerLogger('PipecatFleet');

  constructor(
    keys: readonly [Buffer, ...Buffer[]],
    private readonly own: OwnNode,
  ) {
    this.hops = new Hops(keys);
  }

  get name(): string | undefined {
    return this.own.node()?.name;
  }

  get url(): string {
    return this.own.url;
  }

  get observer(): PassingObserver | undefined {
    return this.own.observer();
  }

  get mustPass(): boolean {
    return this.own.capacity().takesNone || !this.own.takesSockets;
  }

  get opensNone(): boolean {
    return this.own.capacity().closedRefusal() !== undefined;
  }

  takersOf(
    named: NamedSession | undefined,
    request: IncomingMessage,
  ): Promise<readonly PeerNode[]> | undefined {
    const taking = (): Promise<readonly PeerNode[]> | undefined =>
      this.serves(named, request) ? undefined : this.withPlaces();
    if (named?.opener === undefined || named.opener === this.name) return taking();
    // Its owner serves it, whoever has opened it.
    if (this.own.owned().has(named.sessionId)) return taking();
    return this.openerOf(named.sessionId, named.opener).then((node) =>
      node ? [node] : (taking() ?? []),
    );
  }

  serves(named: NamedSession | undefined, request: IncomingMessage): boolean {
    // It has its place.
    if (named && this.own.owned().has(named.sessionId)) return true;
    if (this.mustPass) return false;
    // One that is closed is not served, and nobody would settle it.
    if (!request.socket.destroyed) {
      this.own.capacity().arriving.add(request);
      request.socket.once('close', () => this.settle(request));
    }
    return true;
  }

  settle(request: IncomingMessage): void {
    this.own.capacity().arriving.delete(request);
  }

  /** Returns the node that has opened a session, where the directory does not know that session. Never rejects. */
  private async openerOf(id: string, opener: string): Promise<PeerNode | undefined> {
    try {
      if ((await this.locate(id)) !== 'unknown') return undefined;
    } catch {
      // Nobody knows while Redis is away.
    }
    return this.own.node()?.places.lastKnown(opener);
  }

  async withPlaces(opening?: boolean): Promise<readonly PeerNode[]> {
    const places = this.own.node()?.places;
    try {
      return (await places?.withPlaces(opening)) ?? [];
    } catch (error) {
      // In an outage others open what they serve alone.
      if (opening) return places!.someKnown();
      this.logger.warn(`no node with places was found: ${textOfThrown(error).message}`);
      return [];
    }
  }

  locate(id: string, isFresh?: boolean): Whereabouts | Promise<Whereabouts> {
    if (this.own.owned().has(id)) return 'here';
    return this.own.node()?.places.locate(id, isFresh) ?? 'unknown';
  }

  async ownersOf(name: string): Promise<PeerNode[]> {
    const node = this.own.node();
    if (!node || node.isDegraded) throw unavailable();
    try {
      return await node.places.ownersOf(name);
    } catch {
      throw unavailable();
    }
  }

  async knows(node: string): Promise<boolean> {
    return (await this.own.node()?.places.lastKnown(node)) !== undefined;
  }

  /** Returns true if another node has a session of a name. @throws {RunnerError} */
  async haveAny(name: string): Promise<boolean> {
    try {
      return (await this.ownersOf(name)).length > 0;
    } catch (error) {
      if (this.own.refuses) throw error;
      return false;
    }
  }

  /** Gives a session one more name, now or with the next announcement. Never rejects. */
  async alias(id: string, name: string): Promise<void> {
    this.own.owned().alias(id, name);
    try {
      await this.own.node()?.places.alias(id, name);
    } catch (error) {
      const { message } = textOfThrown(error);
      this.logger.warn(`session ${id} has a name that others do not know: ${message}`);
    }
  }
}
