import { Accepts } from '../validation/option.decorators.js';
import { resolveOptions } from '../validation/options.js';

/** Subset of prom-client's `Registry`, an optional peer dependency. */
export interface MetricsRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
  registerMetric(metric: never): void;
}

/** Options of {@link MetricsModule}. */
export class MetricsOptions {
  /**
   * Registry of prom-client for the metrics, such as its global `register`.
   * @default a new one, with the default metrics of the process as well
   */
  @Accepts(
    'must be a Registry of prom-client',
    (value) => typeof (value as Partial<MetricsRegistry> | null)?.registerMetric === 'function',
  )
  registry?: MetricsRegistry;
}

/** DI token of the {@link MetricsOptions}. */
export const METRICS_OPTIONS = Symbol('METRICS_OPTIONS');

/** @throws {InvalidOptionsError} */
export const resolveMetricsOptions = (options: MetricsOptions): MetricsOptions =>
  resolveOptions('MetricsModule', new MetricsOptions(), options, ['path']);
