import { checkOptions } from '../validation/options.js';

/** Subset of prom-client's `Registry`, an optional peer dependency. */
export interface MetricsRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
  registerMetric(metric: never): void;
}

/** Options of {@link MetricsModule}. */
export interface MetricsOptions {
  /**
   * Registry of prom-client for the metrics, such as its global `register`.
   * @default a new one, with the default metrics of the process as well
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
