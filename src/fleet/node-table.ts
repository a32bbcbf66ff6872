import { isObject } from '../validation/is-object.js';
import type { FleetSecrets } from './fleet-secrets.js';
import type { FleetRole } from './redis-fleet.options.js';
import type { RedisLink } from './redis-link.js';

/** The most nodes that are looked at. */
const MAX_NODES = 2_000;

/** Facts that a node tells the others with each heartbeat. */
export interface NodeInfo {
  /** Base URL for the other nodes. */
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

/** A node of the fleet. */
export interface FleetNode extends NodeInfo {
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
    const { client, prefix } = this.link;
    const names = await client.zrange(`${prefix}nodes`, '0', String(MAX_NODES - 1));
    const nodes = await Promise.all(
      names.map(async (name): Promise<FleetNode | undefined> => {
        const [[info, mac], sessions, lease] = await Promise.all([
          client.hmget(`${prefix}n:${name}`, 'i', 'm'),
          client.scard(`${prefix}own:${name}`),
          client.zscore(`${prefix}nodes`, name),
        ]);
        if (!info || !mac || !this.secrets.verifiesNode(name, info, mac)) return undefined;
        const known = parseInfo(info);
        return known && { ...known, name, sessions, leaseUntilMs: Number(lease) };
      }),
    );
    return nodes.filter((one) => one !== undefined);
  }
}

/** Returns the facts of a node; `undefined` for those of a version that tells others. */
function parseInfo(text: string): NodeInfo | undefined {
  let info: unknown;
  try {
    info = JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
  if (!isObject(info)) return undefined;
  const known = { roles: ['sockets', 'rooms'], ...info };
  return isNodeInfo(known) ? known : undefined;
}

const isNodeInfo = (info: unknown): info is NodeInfo =>
  isObject(info) &&
  ['url', 'version'].every((name) => typeof info[name] === 'string') &&
  ['maxSessions', 'records'].every((name) => typeof info[name] === 'number') &&
  ['ready', 'draining'].some((state) => info.state === state) &&
  Array.isArray(info.roles);
