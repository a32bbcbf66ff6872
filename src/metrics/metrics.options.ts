import { checkOptions } from '../validation/options.js';

/** What is used of a `Registry` of prom-client, an optional peer. */
export interface MetricsRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
  registerMetric(metric: never): void;
}

/** Options of {@link MetricsModule}. */
export interface MetricsOptions {
  /**
   * The registry of prom-client to put the metrics into, such as its global `register`.
   * @default one of their own, which has the process' memory, CPU and event loop as well
   */
  registry?: MetricsRegistry;
}

/** DI token of the {@link MetricsOptions}. */
export const METRICS_OPTIONS = Symbol('METRICS_OPTIONS');

/** @throws {InvalidOptionsError} */
export function checkMetricsOptions(options: MetricsOptions): MetricsOptions {
  checkOptions(
    'MetricsModule',
    options,
    {
      registry: (value) =>
        typeof (value as Partial<MetricsRegistry> | null)?.registerMetric === 'function'
          ? undefined
          : 'must be a Registry of prom-client',
    },
    ['path'],
  );
  return options;
}
