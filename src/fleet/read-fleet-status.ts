import type { FleetStatus, NodeStatus } from './fleet-status.js';
import type { FleetNode, NodeTable } from './node-table.js';
import type { ResolvedFleetSettings } from './redis-fleet.options.js';
import { DirectoryUnavailableError, type RedisLink } from './redis-link.js';

/** Returns the whole fleet, as it is shown. @throws {DirectoryUnavailableError} */
export async function readStatus(
  link: RedisLink,
  table: NodeTable,
  { maxSessions, buffer, leaseMs }: ResolvedFleetSettings,
): Promise<FleetStatus> {
  const sizeOf = (set: string): Promise<number> => link.client.zcard(`${link.prefix}${set}`);
  const asked = [table.nodes(), sizeOf('rooms'), sizeOf('pending'), link.nowMs()] as const;
  const [known, rooms, pending, nowMs] = await Promise.all(asked).catch((cause: unknown) => {
    throw new DirectoryUnavailableError('Redis did not show the fleet.', { cause });
  });
  const nodes = known.map((node) => statusOf(node, leaseMs, nowMs));
  // A bot that waits for a node is pending too.
  const waiting = { sockets: Math.max(0, pending - rooms), rooms };
  return { nodes, waiting, maxSessions, buffer };
}

/** Returns a node as it is shown. @param leaseMs the same on all nodes, so that the end of a lease tells when it began */
function statusOf(node: FleetNode, leaseMs: number, nowMs: number): NodeStatus {
  const { name, version, roles, maxSessions, sessions, queued = 0, load = 0, leaseUntilMs } = node;
  const alive = node.state === 'ready' && node.overloaded ? 'overloaded' : node.state;
  const state = leaseUntilMs < nowMs ? 'silent' : alive;
  const beatAtMs = leaseUntilMs - leaseMs;
  return { name, state, roles, version, maxSessions, sessions, queued, load, beatAtMs };
}
