import { isObject } from '../validation/is-object.js';
import type { FleetSecrets } from './fleet-secrets.js';
import { FLEET_ROLES, type FleetRole } from './fleet-status.js';
import type { RedisLink } from './redis-link.js';

/** The most nodes that are looked at. */
const MAX_NODES = 2_000;

/** Facts that a node tells the others with each heartbeat. */
export interface NodeInfo {
  /** URL for the other nodes, without a path. */
  readonly url: string;
  readonly state: 'ready' | 'draining';
  /** The most sessions of the node. */
  readonly maxSessions: number;
  /** Version of this package. */
  readonly version: string;
  /** Version of the records that it writes. */
  readonly records: number;
  /** Work that it does. */
  readonly roles: readonly FleetRole[];
}

/** Facts of a node that change from one heartbeat to the next. Nodes of an earlier version do not tell them. */
export interface NodeVitals {
  /** Number of starts that queue at the node. */
  readonly queued?: number;
  /** Share of the time for which its event loop was busy, from 0 to 1. */
  readonly load?: number;
  /** True while it takes no sessions because of its `loadFunction`. */
  readonly overloaded?: boolean;
}

/** A node of the fleet. */
export interface FleetNode extends NodeInfo, NodeVitals {
  readonly name: string;
  /** End of its lease, in milliseconds since 1970 by Redis' clock. */
  readonly leaseUntilMs: number;
  /** Number of its sessions. */
  readonly sessions: number;
}

/** Table of the nodes. A record that no node of this fleet has signed is ignored. */
export class NodeTable {
  constructor(
    private readonly link: RedisLink,
    private readonly secrets: FleetSecrets,
  ) {}

  /** Returns the nodes, also those whose lease is over and that are not yet reaped. */
  async nodes(): Promise<FleetNode[]> {
    return this.read(await this.names());
  }

  /** Returns the names of the nodes. */
  names(): Promise<string[]> {
    const { client, prefix } = this.link;
    return client.zrange(`${prefix}nodes`, '0', String(MAX_NODES - 1));
  }

  /** Returns some of the nodes, chosen at random. */
  async some(count: number): Promise<FleetNode[]> {
    const { client, prefix } = this.link;
    const names = await client.zrandmember(`${prefix}nodes`, count);
    return this.read(names === null ? [] : [names].flat());
  }

  private async read(names: readonly string[]): Promise<FleetNode[]> {
    const { client, prefix } = this.link;
    const nodes = await Promise.all(
      names.map(async (name): Promise<FleetNode | undefined> => {
        const [known, sessions, lease] = await Promise.all([
          this.info(name),
          client.scard(`${prefix}own:${name}`),
          client.zscore(`${prefix}nodes`, name),
        ]);
        return known && { ...known, name, sessions, leaseUntilMs: Number(lease) };
      }),
    );
    return nodes.filter((one) => one !== undefined);
  }

  /** Returns what a node tells the others; `undefined` for one that is gone, or whose record is not signed. */
  async info(name: string): Promise<NodeInfo | undefined> {
    const { client, prefix } = this.link;
    const [info, mac] = await client.hmget(`${prefix}n:${name}`, 'i', 'm');
    if (!info || !mac || !this.secrets.verifiesNode(name, info, mac)) return undefined;
    return parseInfo(info);
  }
}

/** Returns the facts of a node; `undefined` for those of a version that tells others. */
function parseInfo(text: string): (NodeInfo & NodeVitals) | undefined {
  let info: unknown;
  try {
    info = JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
  if (!isObject(info)) return undefined;
  const known = { roles: FLEET_ROLES, ...info };
  return isNodeInfo(known) ? known : undefined;
}

const isNodeInfo = (info: unknown): info is NodeInfo & NodeVitals =>
  isObject(info) &&
  ['url', 'version'].every((name) => typeof info[name] === 'string') &&
  ['maxSessions', 'records'].every((name) => typeof info[name] === 'number') &&
  ['ready', 'draining'].some((state) => info.state === state) &&
  ['queued', 'load'].every((name) => ['number', 'undefined'].includes(typeof info[name])) &&
  ['boolean', 'undefined'].includes(typeof info.overloaded) &&
  Array.isArray(info.roles);
