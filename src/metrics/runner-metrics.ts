import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type * as promClient from 'prom-client';
import { neededPackage } from '../packages.js';
import { RUNNER_REF, type RunnerRef } from '../runner-ref.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { TransportRegistry } from '../transports/transport-registry.js';
import { METRICS_OPTIONS, type MetricsOptions, type MetricsRegistry } from './metrics.options.js';
import { SessionMetrics } from './session-metrics.js';

/** Registration of the runner's metrics, once the application is initialized. */
@Injectable()
export class RunnerMetrics implements OnModuleInit, OnModuleDestroy {
  private current: MetricsRegistry | undefined;
  private metrics: SessionMetrics | undefined;

  constructor(
    @Inject(RUNNER_REF) private readonly runner: RunnerRef,
    @Inject(METRICS_OPTIONS) private readonly options: MetricsOptions,
    private readonly sessions: SessionRegistry,
    private readonly transports: TransportRegistry,
  ) {}

  async onModuleInit(): Promise<void> {
    const client = await neededPackage('prom-client', 'MetricsModule', () => import('prom-client'));
    const registry = (this.options.registry ?? ownRegistry(client)) as promClient.Registry;
    const { runner, sessions, transports } = this;
    const label = runner.name === undefined ? {} : { runner: runner.name };
    this.metrics = new SessionMetrics(client, registry, { label, sessions, transports });
    sessions.observers.add(this.metrics);
    this.current = registry;
  }

  onModuleDestroy(): void {
    this.metrics?.close();
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
