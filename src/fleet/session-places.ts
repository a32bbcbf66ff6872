import type { SessionEndCode } from '../bot/session-end.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import type { PeerNode, Whereabouts } from '../http/fleet-router/peers.js';
import type { FleetNode, NodeTable } from './node-table.js';
import { unavailable } from './fleet-refusals.js';
import type { SessionDirectory } from './session-directory.js';
import type { RedisLink } from './redis-link.js';

/** Time for which a look-up holds, in milliseconds. An owner keeps its session; only the death of a node changes it. */
const SESSION_MS = 1_000;
const NODE_MS = 5_000;
/** Time for which the load of nodes holds, in milliseconds; how many are looked at, and how many are tried. */
const PLACES_MS = 250;
const SOME = 8;
const MAX_TRIED = 3;
/** The most look-ups that are kept. While Redis is away the last known hold. */
const MAX_KNOWN = 10_000;

interface Known<T> {
  readonly value: T;
  readonly atMs: number;
}

/** Nodes that own the fleet's sessions, as the directory knows them. */
export class SessionPlaces {
  private readonly logger = new RunnerLogger('PipecatFleet');
  private readonly owners = new Map<string, Known<PeerNode>>();
  /** Shared by all that ask at once. One that fails holds as long. */
  private emptier: Known<Promise<FleetNode[]>> | undefined;
  /** Sockets and offers that came here since the load of nodes was looked at, by the node to which they go. */
  private readonly passed = new Map<string, number>();
  private readonly nodes = new Map<string, Known<PeerNode>>();

  constructor(
    private readonly link: RedisLink,
    private readonly table: NodeTable,
    private readonly directory: Pick<SessionDirectory, 'abandon' | 'alias' | 'ownersOf' | 'node'>,
  ) {}

  /** Returns the other nodes that own sessions of a name. Rejects when Redis does not answer. */
  async ownersOf(name: string): Promise<PeerNode[]> {
    const names = await this.directory.ownersOf(name);
    const others = names.filter((one) => one !== this.directory.node);
    const nodes = await Promise.all(others.map((one) => this.nodeOf(one)));
    return nodes.filter((one) => one !== undefined);
  }

  /** Gives a session one more name. @throws {DirectoryUnavailableError} */
  alias(id: string, name: string): Promise<void> {
    return this.directory.alias(id, name);
  }

  /** Marks a session as lost, as {@link SessionDirectory.abandon} does. @throws {DirectoryUnavailableError} */
  abandon(id: string): Promise<SessionEndCode | undefined> {
    return this.directory.abandon(id);
  }

  /** Returns where a session is. @param isFresh true to ask again what is known already @throws {RunnerError} `OVERLOADED` when it is not to be found out */
  async locate(id: string, isFresh = false): Promise<Whereabouts> {
    const known = this.owners.get(id);
    if (!isFresh && isRecent(known, SESSION_MS)) return known.value;
    try {
      if (!this.link.isDegraded) return await this.lookUp(id);
    } catch (error) {
      this.logger.warn(`session ${id} was not looked up: ${textOfThrown(error).message}`);
    }
    if (known) return known.value;
    throw unavailable();
  }

  private async lookUp(id: string): Promise<Whereabouts> {
    const [state, owner] = await this.link.fields(`s:${id}`, 'st', 'o');
    this.owners.delete(id);
    if (state === 'pending') return 'waiting';
    if (state !== 'active' || !owner) return 'unknown';
    if (owner === this.directory.node) return 'here';
    const node = await this.nodeOf(owner);
    if (!node) throw new Error('its node has told nothing of itself');
    keep(this.owners, id, node);
    return node;
  }

  /**
   * Returns a few other nodes with places, the emptier one of two random ones first. Rejects when Redis does not answer.
   * @param opening true for nodes that open sessions, which need no place for it
   */
  async withPlaces(opening = false): Promise<PeerNode[]> {
    if (!isRecent(this.emptier, PLACES_MS)) {
      this.emptier = { value: this.table.some(SOME), atMs: performance.now() };
      this.passed.clear();
    }
    const load = (node: FleetNode): number =>
      (node.sessions + this.passedTo(node)) / node.maxSessions;
    const nodes = (await this.emptier.value).filter(
      (node) =>
        node.name !== this.directory.node &&
        node.state === 'ready' &&
        (opening
          ? !node.overloaded
          : node.roles.includes('sockets') && node.sessions < node.maxSessions),
    );
    // Those that have become full since then come last: their sessions may have ended.
    const [one, two, ...others] = shuffled(nodes).sort(
      (a, b) => Number(load(a) >= 1) - Number(load(b) >= 1),
    );
    const pair = [one, two].filter((node) => node !== undefined);
    const [best, ...rest] = pair.sort((a, b) => load(a) - load(b));
    if (!best) return [];
    if (!opening) this.passed.set(best.name, this.passedTo(best) + 1);
    return [best, ...rest, ...others].slice(0, MAX_TRIED);
  }

  private passedTo({ name }: FleetNode): number {
    return this.passed.get(name) ?? 0;
  }

  /** Returns a few random nodes as they were last known, which may be gone. */
  someKnown(): PeerNode[] {
    const nodes = [...this.nodes.values()].map(({ value }) => value);
    const others = nodes.filter(({ name }) => name !== this.directory.node);
    return shuffled(others).slice(0, MAX_TRIED);
  }

  /**
   * Learns the addresses of the nodes that it does not know yet, for the time when Redis is away: that of a node never changes. Rejects when Redis does
   * not answer.
   */
  async learn(): Promise<void> {
    const names = await this.table.names();
    await Promise.all(names.filter((one) => !this.nodes.has(one)).map((one) => this.nodeOf(one)));
  }

  /** Returns a node as it was last known, which may be gone; `undefined` for one that never was. Never rejects. */
  async lastKnown(name: string): Promise<PeerNode | undefined> {
    return this.nodes.get(name)?.value ?? this.nodeOf(name).catch(() => undefined);
  }

  private async nodeOf(name: string): Promise<PeerNode | undefined> {
    const known = this.nodes.get(name);
    if (isRecent(known, NODE_MS)) return known.value;
    const info = await this.table.info(name);
    const node = info && { name, url: info.url };
    if (node) keep(this.nodes, name, node);
    return node;
  }
}

function shuffled<T>(all: readonly T[]): T[] {
  return all
    .map((one) => ({ one, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

function isRecent<T>(known: Known<T> | undefined, forMs: number): known is Known<T> {
  return known !== undefined && performance.now() - known.atMs < forMs;
}

function keep<T>(known: Map<string, Known<T>>, name: string, value: T): void {
  known.delete(name);
  known.set(name, { value, atMs: performance.now() });
  if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!);
}
