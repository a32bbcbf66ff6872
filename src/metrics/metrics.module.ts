import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { metricsController } from './metrics.controller.js';
import { METRICS_OPTIONS, type MetricsOptions, resolveMetricsOptions } from './metrics.options.js';
import { RunnerMetrics } from './runner-metrics.js';
import { RunnerPart } from '../validation/runner-part.decorator.js';

/** Options that shape the module's routes. */
export interface MetricsExtras {
  /** Path of the metrics, below the runner's own `path`; `false` when the host serves the registry itself. @default 'metrics' */
  path?: string | false;
}

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<MetricsOptions>({ moduleName: 'PipecatMetrics' })
    .setClassMethodName('forRoot')
    .setExtras<MetricsExtras>({ path: undefined }, (definition, { path = 'metrics' }) => ({
      ...definition,
      controllers: path === false ? [] : [metricsController(path)],
    }))
    .build();

/** `GET /metrics` for Prometheus. Needs the package `prom-client`. */
@RunnerPart('features')
@Module({
  providers: [
    RunnerMetrics,
    {
      provide: METRICS_OPTIONS,
      useFactory: resolveMetricsOptions,
      inject: [MODULE_OPTIONS_TOKEN],
    },
  ],
})
export class MetricsModule extends ConfigurableModuleClass {
  // Overridden only to make the options optional: `MetricsModule.forRoot()`.
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0] = {}) {
    return super.forRoot(options);
  }
}
