import type { FleetNode, NodeInfo, NodeTable } from './node-table.js';
import type { ResolvedFleetSettings } from './redis-fleet.options.js';
import { DirectoryUnavailableError, type RedisLink } from './redis-link.js';

/** State of a node: `ready`; `overloaded`, by its `loadFunction`; `draining`; or `silent`, without a heartbeat for a lease. */
export type NodeState = 'ready' | 'overloaded' | 'draining' | 'silent';

/** A node of the fleet, as it is shown. */
export interface NodeStatus extends Pick<NodeInfo, 'version' | 'maxSessions'> {
  readonly name: string;
  readonly state: NodeState;
  /** Number of its sessions that have a client, or need none. */
  readonly sessions: number;
  /** Number of starts that queue at it. */
  readonly queued: number;
  /** Share of the time for which its event loop was busy, from 0 to 1. */
  readonly load: number;
  /** Time of its last heartbeat, in milliseconds since 1970. */
  readonly beatAtMs: number;
}

/** The fleet, as it is shown. */
export interface FleetStatus {
  readonly nodes: readonly NodeStatus[];
  /** The most sessions of the whole fleet. */
  readonly maxSessions: number;
  /** Number of sessions that wait for their client. */
  readonly waiting: number;
  /** Number of free places to keep, for a scaler. */
  readonly buffer: number;
}

/** Returns the whole fleet, as it is shown. @throws {DirectoryUnavailableError} */
export async function readStatus(
  link: RedisLink,
  table: NodeTable,
  { maxSessions, buffer, leaseMs }: ResolvedFleetSettings,
): Promise<FleetStatus> {
  const asked = [table.nodes(), link.client.zcard(`${link.prefix}pending`), link.nowMs()] as const;
  const [known, waiting, nowMs] = await Promise.all(asked).catch((cause: unknown) => {
    throw new DirectoryUnavailableError('Redis did not show the fleet.', { cause });
  });
  const nodes = known.map((node) => statusOf(node, leaseMs, nowMs));
  return { nodes, waiting, maxSessions, buffer };
}

/** Returns a node as it is shown. @param leaseMs the same on all nodes, so that the end of a lease tells when it began */
function statusOf(node: FleetNode, leaseMs: number, nowMs: number): NodeStatus {
  const { name, version, maxSessions, sessions, queued = 0, load = 0, leaseUntilMs } = node;
  const alive = node.state === 'ready' && node.overloaded ? 'overloaded' : node.state;
  const state = leaseUntilMs < nowMs ? 'silent' : alive;
  const beatAtMs = leaseUntilMs - leaseMs;
  return { name, state, version, maxSessions, sessions, queued, load, beatAtMs };
}
