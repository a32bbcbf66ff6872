import type * as promClient from 'prom-client';
import type { Fleet, FleetGauges, FleetObserver } from '../fleet/fleet.js';
import { inRegistry } from './in-registry.js';

/** Histogram buckets, from one Redis command on the same network to the time at which it is given up. */
const ASK_SECONDS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 0.7];

/** Histogram buckets, from a job that is taken at once to the longest usual `dispatchTimeoutMs`. */
const DISPATCH_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** A runner of a fleet, and its label. */
interface CountedNode {
  readonly label: { readonly runner?: string };
  readonly fleet: Fleet;
}

/** Metrics of the fleets in one registry. */
class FleetFamilies {
  readonly nodes = new Set<CountedNode>();
  readonly answers: promClient.Histogram<'runner' | 'op'>;
  readonly dispatches: promClient.Histogram<'runner'>;
  readonly misses: promClient.Counter<'runner' | 'op' | 'kind'>;
  readonly lost: promClient.Counter<'runner'>;
  readonly proxied: promClient.Counter<'runner' | 'kind'>;
  readonly moved: promClient.Counter<'runner'>;

  constructor(client: typeof promClient, registry: promClient.Registry) {
    const registers = [registry];
    this.gauges(client, registers);
    const counter = <L extends string>(name: string, help: string, ...labels: L[]) =>
      new client.Counter<'runner' | L>({
        name,
        help,
        labelNames: ['runner', ...labels],
        registers,
      });
    this.answers = new client.Histogram({
      name: 'pipecat_fleet_directory_seconds',
      help: 'Time until Redis has answered an operation of the fleet',
      labelNames: ['runner', 'op'],
      buckets: ASK_SECONDS,
      registers,
    });
    this.dispatches = new client.Histogram({
      name: 'pipecat_fleet_dispatch_seconds',
      help: 'Time from handing over the bot of a room until this node has taken it',
      labelNames: ['runner'],
      buckets: DISPATCH_SECONDS,
      registers,
    });
    this.misses = counter(
      'pipecat_fleet_directory_errors_total',
      'Tries of operations that Redis did not answer, by kind: timeout, connection or error',
      'op',
      'kind',
    );
    this.lost = counter(
      'pipecat_fleet_lost_total',
      'Sessions of silent nodes that this node has given up',
    );
    this.proxied = counter(
      'pipecat_fleet_proxied_total',
      'Requests that this node has passed on to the node that has their session',
      'kind',
    );
    this.moved = counter(
      'pipecat_fleet_moved_total',
      'Sockets and offers that this node has passed on to a node with a free place',
    );
  }

  private gauges({ Gauge }: typeof promClient, registers: promClient.Registry[]): void {
    const { nodes } = this;
    const gauge = (
      name: string,
      help: string,
      label: string | undefined,
      set: (of: FleetGauges, put: (value: number, word?: string) => void) => void,
    ) =>
      new Gauge<string>({
        ...{ name, help, labelNames: ['runner', ...(label ? [label] : [])], registers },
        collect() {
          this.reset();
          for (const { label: own, fleet } of nodes) {
            const found = fleet.gauges?.();
            const put = (value: number, word?: string): void =>
              this.set({ ...own, ...(label && { [label]: word }) }, value);
            if (found) set(found, put);
          }
        },
      });
    const each = (counts: Readonly<Record<string, number>>, put: (n: number, w: string) => void) =>
      Object.entries(counts).forEach(([word, count]) => put(count, word));
    const same = 'the same from every node';
    gauge('pipecat_fleet_nodes', `Nodes of the fleet, ${same}`, 'state', (found, put) =>
      each(found.nodes, put),
    );
    gauge('pipecat_fleet_sessions', `Sessions of the fleet, ${same}`, 'state', (found, put) =>
      each(found.sessions, put),
    );
    gauge('pipecat_fleet_degraded', '1 while Redis does not answer', undefined, (found, put) =>
      put(found.isDegraded ? 1 : 0),
    );
    const age = 'Time since the last heartbeat that was answered';
    gauge('pipecat_fleet_lease_age_seconds', age, undefined, ({ leaseAgeMs }, put) =>
      put(leaseAgeMs / 1_000),
    );
  }
}

const families = new WeakMap<promClient.Registry, FleetFamilies>();

/** Adds the metrics of a runner's fleet to a registry. @returns a function that removes its gauges */
export function addFleetMetrics(
  client: typeof promClient,
  registry: promClient.Registry,
  node: CountedNode,
): () => void {
  const make = (): FleetFamilies => new FleetFamilies(client, registry);
  const known = inRegistry(families, registry, 'pipecat_fleet_nodes', make);
  const { nodes, answers, dispatches, misses, lost, proxied, moved } = known;
  const { label, fleet } = node;
  nodes.add(node);
  // A counter is there from the beginning, so that its first increase is seen.
  lost.inc(label, 0);
  moved.inc(label, 0);
  const observer: FleetObserver = {
    answered: (op, ms) => answers.observe({ ...label, op }, ms / 1_000),
    missed: (op, kind) => misses.inc({ ...label, op, kind }),
    dispatched: (ms) => dispatches.observe(label, ms / 1_000),
    lost: (sessions) => lost.inc(label, sessions),
    proxied: (kind) => proxied.inc({ ...label, kind }),
    moved: () => moved.inc(label),
  };
  fleet.observer = observer;
  return () => nodes.delete(node);
}
