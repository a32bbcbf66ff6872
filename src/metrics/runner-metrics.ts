import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type * as promClient from 'prom-client';
import { optionalPackage } from '../errors/optional-package.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { TransportRegistry } from '../transports/transport-registry.js';
import { METRICS_OPTIONS, type MetricsOptions, type MetricsRegistry } from './metrics.options.js';
import { SessionMetrics } from './session-metrics.js';

/** Where the runner's metrics are registered, once the application is up. */
@Injectable()
export class RunnerMetrics implements OnModuleInit {
  private current: MetricsRegistry | undefined;

  constructor(
    @Inject(METRICS_OPTIONS) private readonly options: MetricsOptions,
    private readonly sessions: SessionRegistry,
    private readonly transports: TransportRegistry,
  ) {}

  async onModuleInit(): Promise<void> {
    const client = await optionalPackage(
      'prom-client',
      'MetricsModule',
      () => import('prom-client'),
    );
    const registry = (this.options.registry ?? ownRegistry(client)) as promClient.Registry;
    this.sessions.observers.add(
      new SessionMetrics(client, registry, this.sessions, this.transports),
    );
    this.current = registry;
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
