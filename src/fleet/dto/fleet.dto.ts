import { IsIn, IsOptional } from 'class-validator';
import type { ApiRouteOptions } from '../../http/api-route.decorator.js';
import { ApiField } from '../../validation/api-field.decorator.js';
import {
  FLEET_ROLES,
  type FleetRole,
  type FleetStatus,
  type NodeState,
  type NodeStatus,
} from '../fleet-status.js';

/** Query of `GET /fleet`. */
export class FleetQuery {
  /** Shows the nodes of this role only, and what scales them. */
  @IsOptional()
  @IsIn(FLEET_ROLES, { message: `role must be ${FLEET_ROLES.join(' or ')}` })
  role?: FleetRole;
}

export const FLEET_QUERY: ApiRouteOptions['query'] = {
  role: {
    description: 'Shows the nodes of this role only, and what scales them.',
    schema: { type: 'string', enum: FLEET_ROLES },
  },
};

/** Node in `GET /fleet`. */
export class FleetNodeInfo {
  @ApiField({ description: 'The name of the node, unique to its process.' })
  name!: string;

  @ApiField({
    description:
      'The state: `overloaded` by its `loadFunction`, or `silent`, without a heartbeat for a lease.',
    type: String,
    enum: ['ready', 'overloaded', 'draining', 'silent'],
  })
  state!: NodeState;

  @ApiField({
    type: String,
    isArray: true,
    enum: FLEET_ROLES,
    description: 'The work of the node: sockets, rooms, both, or requests only.',
  })
  roles!: readonly FleetRole[];

  @ApiField({ description: 'The version of nestjs-pipecat-runner.' })
  version!: string;

  @ApiField({
    description: 'The most sessions of the node; null without a limit.',
    type: Number,
    nullable: true,
  })
  maxSessions!: number | null;

  @ApiField({
    type: Number,
    description: 'Its sessions, without those that wait for their client.',
  })
  sessions!: number;

  @ApiField({ type: Number, description: 'Starts that queue at it.' })
  queued!: number;

  @ApiField({
    type: Number,
    description: 'The share of the time for which its event loop was busy, from 0 to 1.',
  })
  load!: number;

  @ApiField({ description: 'The time of its last heartbeat.', format: 'date-time' })
  lastBeatAt!: string;

  static of({ maxSessions, beatAtMs, ...node }: NodeStatus): FleetNodeInfo {
    return Object.assign(new FleetNodeInfo(), node, {
      maxSessions: finiteOrNull(maxSessions),
      lastBeatAt: new Date(beatAtMs).toISOString(),
    });
  }
}

/** Totals of `GET /fleet`. */
export class FleetTotals {
  @ApiField({ type: Number, description: 'The nodes.' })
  nodes!: number;

  @ApiField({ type: Number, description: 'The sessions that have not ended.' })
  sessions!: number;

  @ApiField({
    description: 'The most sessions of the fleet; null without a limit.',
    type: Number,
    nullable: true,
  })
  maxSessions!: number | null;
}

/** Answer of `GET /fleet`. */
export class FleetInfo {
  @ApiField({ type: () => FleetNodeInfo, isArray: true, description: 'The nodes, by name.' })
  nodes!: FleetNodeInfo[];

  @ApiField({ type: () => FleetTotals, description: 'The whole fleet.' })
  totals!: FleetTotals;

  @ApiField({ type: Number, description: 'Sessions that wait for their client.' })
  waiting!: number;

  @ApiField({ type: Number, description: 'Starts that queue.' })
  queued!: number;

  @ApiField({
    type: Number,
    description:
      'The places that are needed on nodes that do not drain: their sessions, those that wait, starts that queue, and `buffer`. ' +
      'Divided by the places of a node it is the number of nodes to scale to.',
  })
  scaleOn!: number;

  /** @param role shows the nodes of this role only, and what waits for them; starts that queue at any node may be meant for them */
  static of(status: FleetStatus, role?: FleetRole): FleetInfo {
    const { maxSessions, buffer } = status;
    const nodes = status.nodes.filter(({ roles }) => role === undefined || roles.includes(role));
    const waiting = role ? status.waiting[role] : sum(Object.values(status.waiting));
    const queued = sum(status.nodes.map((node) => node.queued));
    const staying = nodes.filter(({ state }) => state !== 'draining');
    return Object.assign(new FleetInfo(), {
      nodes: nodes.map((node) => FleetNodeInfo.of(node)).sort(byName),
      totals: {
        nodes: nodes.length,
        sessions: sum(nodes.map(({ sessions }) => sessions)) + waiting,
        maxSessions: finiteOrNull(maxSessions),
      },
      waiting,
      queued,
      scaleOn: sum(staying.map(({ sessions }) => sessions)) + waiting + queued + buffer,
    });
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

const finiteOrNull = (limit: number): number | null => (limit === Infinity ? null : limit);

const byName = (a: FleetNodeInfo, b: FleetNodeInfo): number => (a.name < b.name ? -1 : 1);
