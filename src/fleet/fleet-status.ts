/** Work that a node of a fleet does: WebSockets and SmallWebRTC (`sockets`), and bots of rooms (`rooms`). */
export type FleetRole = 'sockets' | 'rooms';

export const FLEET_ROLES: readonly FleetRole[] = ['sockets', 'rooms'];

export const isFleetRole = (value: unknown): value is FleetRole =>
  FLEET_ROLES.some((role) => role === value);

/** State of a node: `ready`; `overloaded`, by its `loadFunction`; `draining`; or `silent`, without a heartbeat for a lease. */
export type NodeState = 'ready' | 'overloaded' | 'draining' | 'silent';

/** A node of the fleet, as it is shown. */
export interface NodeStatus {
  readonly name: string;
  /** Version of this package. */
  readonly version: string;
  /** The most sessions that it serves. */
  readonly maxSessions: number;
  readonly state: NodeState;
  readonly roles: readonly FleetRole[];
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
  /** Number of sessions that wait for their client, and of bots of rooms that wait for a node, by the role that serves them. */
  readonly waiting: Readonly<Record<FleetRole, number>>;
  /** Number of free places to keep, for a scaler. */
  readonly buffer: number;
}
