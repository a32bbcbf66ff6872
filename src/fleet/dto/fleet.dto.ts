import { ApiField } from '../../validation/api-field.decorator.js';
import type { FleetStatus, NodeState, NodeStatus } from '../fleet-status.js';

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

  static of({ nodes, maxSessions, waiting, buffer }: FleetStatus): FleetInfo {
    const queued = sum(nodes.map((node) => node.queued));
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
