import type * as promClient from 'prom-client';
import { refusalCodeOf } from '../errors/runner.error.js';
import type { Session } from '../sessions/session.js';
import type { SessionObserver } from '../sessions/session-observers.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { TransportRegistry } from '../transports/transport-registry.js';
import { Fleet } from '../fleet/fleet.js';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { neededPackage } from '../packages.js';
import { RUNNER_REF, type RunnerRef } from '../runner-ref.js';
import { addFleetMetrics } from './fleet-metrics.js';
import { inRegistry } from './in-registry.js';
import { METRICS_OPTIONS, type MetricsOptions, type MetricsRegistry } from './metrics.options.js';

/** Histogram buckets, from a warm bot to one that loads its models. */
const START_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Histogram buckets, from a wrong number to an hour. */
const DURATION_SECONDS = [5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600];
/** Histogram buckets, from a hitch that callers hear to a loop that stands. */
const BLOCKED_SECONDS = [0.25, 0.5, 1, 2.5, 5, 10];

/** Label of a runner with a name. */
interface RunnerLabel {
  readonly runner?: string;
}

/** A runner whose sessions are counted in a registry. */
interface CountedRunner {
  readonly label: RunnerLabel;
  readonly sessions: SessionRegistry;
  readonly transports: TransportRegistry;
}

/** Metrics of one registry, shared by all runners that use it, because a registry takes each name only once. */
class MetricFamilies {
  readonly runners = new Set<CountedRunner>();
  readonly startSeconds: promClient.Histogram<'runner' | 'transport'>;
  readonly durationSeconds: promClient.Histogram<'runner' | 'transport'>;
  readonly blockedSeconds: promClient.Histogram<'runner' | 'cause'>;
  readonly ends: promClient.Counter<'runner' | 'transport' | 'reason'>;
  readonly hangUps: promClient.Counter<'runner' | 'transport' | 'via' | 'outcome'>;
  readonly refusals: promClient.Counter<'runner' | 'cause'>;
  readonly audio: promClient.Counter<'runner' | 'transport' | 'direction'>;
  readonly lost: promClient.Counter<'runner' | 'transport' | 'cause'>;

  constructor({ Counter, Gauge, Histogram }: typeof promClient, registry: promClient.Registry) {
    const { runners } = this;
    const registers = [registry];
    new Gauge({
      name: 'pipecat_sessions',
      help: 'Sessions that have not ended',
      labelNames: ['runner', 'transport', 'state'],
      registers,
      collect() {
        this.reset();
        for (const { label, transports, sessions } of runners) {
          for (const transport of transports.accepted) {
            for (const state of ['pending', 'launching', 'running'])
              this.set({ ...label, transport, state }, 0);
          }
          for (const { transport, state } of sessions.live) {
            this.inc({ ...label, transport, state: state.name });
          }
        }
      },
    });
    const counter = <L extends string>(name: string, help: string, ...labels: L[]) =>
      new Counter<'runner' | L>({ name, help, labelNames: ['runner', ...labels], registers });
    const histogram = <L extends string>(name: string, help: string, buckets: number[], label: L) =>
      new Histogram<'runner' | L>({
        name,
        help,
        labelNames: ['runner', label],
        buckets,
        registers,
      });
    this.startSeconds = histogram(
      'pipecat_session_start_seconds',
      'Time from the arrival of the client, or from the launch of the bot without one, until the bot is ready',
      START_SECONDS,
      'transport',
    );
    this.durationSeconds = histogram(
      'pipecat_session_duration_seconds',
      'Time from the same moment to the end of the session',
      DURATION_SECONDS,
      'transport',
    );
    this.blockedSeconds = histogram(
      'pipecat_event_loop_blocked_seconds',
      'Times for which the event loop was held, from blockedLoopWarnMs on, by what held it: a bot, or unknown (a bot or the host)',
      BLOCKED_SECONDS,
      'cause',
    );
    this.ends = counter(
      'pipecat_session_ends_total',
      'Ended sessions, by reason',
      'transport',
      'reason',
    );
    this.hangUps = counter(
      'pipecat_hang_ups_total',
      'Calls of ended sessions that the bot hung up, by what ended them: api (of the carrier), or connection (closed only), and the outcome',
      'transport',
      'via',
      'outcome',
    );
    this.refusals = counter(
      'pipecat_starts_refused_total',
      'Refused starts and connections, by error code',
      'cause',
    );
    this.audio = counter(
      'pipecat_media_audio_total',
      'Audio frames of ended sessions, by direction: in to the bot, or out',
      'transport',
      'direction',
    );
    this.lost = counter(
      'pipecat_media_lost_total',
      'Media lost in ended sessions: unread by the bot, overflowed (buffer limit of the output), or malformed',
      'transport',
      'cause',
    );
  }
}

const families = new WeakMap<promClient.Registry, MetricFamilies>();

function familiesOf(client: typeof promClient, registry: promClient.Registry): MetricFamilies {
  const make = (): MetricFamilies => new MetricFamilies(client, registry);
  return inRegistry(families, registry, 'pipecat_sessions', make);
}

/** Prometheus metrics of one runner's sessions. Gauges are collected when they are scraped. */
class SessionMetrics implements SessionObserver {
  private readonly families: MetricFamilies;

  constructor(
    client: typeof promClient,
    registry: promClient.Registry,
    private readonly runner: CountedRunner,
  ) {
    this.families = familiesOf(client, registry);
    this.families.runners.add(runner);
  }

  /** Removes the runner's gauges from the registry; counters stay. */
  close(): void {
    this.families.runners.delete(this.runner);
  }

  changed(session: Session): void {
    const { state } = session;
    // Spares each start its labels: only later states are counted.
    if (state.name === 'pending') return;
    const { connectedAtMs } = state;
    const labels = { ...this.runner.label, transport: session.transport };
    if (connectedAtMs !== undefined && state.name === 'running') {
      this.families.startSeconds.observe(labels, secondsBetween(connectedAtMs, state.sinceMs));
    } else if (state.name === 'ended') {
      this.families.ends.inc({ ...labels, reason: state.reason.code });
      if (connectedAtMs !== undefined) {
        this.families.durationSeconds.observe(labels, secondsBetween(connectedAtMs, state.atMs));
      }
      const { mediaStats, hangUpOutcome } = session.context;
      if (hangUpOutcome) {
        const { via, ok } = hangUpOutcome;
        this.families.hangUps.inc({ ...labels, via, outcome: ok ? 'ok' : 'failed' });
      }
      this.countMedia(mediaStats, labels);
    }
  }

  refused(error: unknown): void {
    this.families.refusals.inc({ ...this.runner.label, cause: refusalCodeOf(error) });
  }

  loopHeld(ms: number, byBot: boolean): void {
    const cause = byBot ? 'bot' : 'unknown';
    this.families.blockedSeconds.observe({ ...this.runner.label, cause }, ms / 1_000);
  }

  private countMedia(
    stats: Session['context']['mediaStats'],
    labels: RunnerLabel & { readonly transport: string },
  ): void {
    if (!stats) return;
    const { audio, lost } = this.families;
    audio.inc({ ...labels, direction: 'in' }, stats.audioIn);
    audio.inc({ ...labels, direction: 'out' }, stats.audioOut);
    lost.inc({ ...labels, cause: 'unread' }, stats.unread);
    lost.inc({ ...labels, cause: 'overflowed' }, stats.overflowed);
    const malformed = Object.values(stats.malformed).reduce((sum, count) => sum + count, 0);
    lost.inc({ ...labels, cause: 'malformed' }, malformed);
  }
}

/** Never negative, for a clock may be set back. */
const secondsBetween = (fromMs: number, toMs: number): number => Math.max(0, toMs - fromMs) / 1_000;

/** Registration of the runner's metrics, once the application is initialized. */
@Injectable()
export class RunnerMetrics implements OnModuleInit, OnModuleDestroy {
  private current: MetricsRegistry | undefined;
  private metrics: SessionMetrics | undefined;
  private removeFleet: (() => void) | undefined;

  constructor(
    @Inject(RUNNER_REF) private readonly runner: RunnerRef,
    @Inject(METRICS_OPTIONS) private readonly options: MetricsOptions,
    private readonly sessions: SessionRegistry,
    private readonly transports: TransportRegistry,
    private readonly fleet: Fleet,
  ) {}

  async onModuleInit(): Promise<void> {
    const client = await neededPackage('prom-client', 'MetricsModule', () => import('prom-client'));
    const registry = (this.options.registry ?? ownRegistry(client)) as promClient.Registry;
    const { runner, sessions, transports, fleet } = this;
    const label = runner.name === undefined ? {} : { runner: runner.name };
    this.metrics = new SessionMetrics(client, registry, { label, sessions, transports });
    sessions.observers.add(this.metrics);
    if (fleet.gauges) this.removeFleet = addFleetMetrics(client, registry, { label, fleet });
    this.current = registry;
  }

  onModuleDestroy(): void {
    this.metrics?.close();
    this.removeFleet?.();
  }

  get registry(): MetricsRegistry {
    return this.current!;
  }
}

function ownRegistry({ Registry, collectDefaultMetrics }: typeof promClient): MetricsRegistry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}
