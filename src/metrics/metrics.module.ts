import { ConfigurableModuleBuilder, Module, Get, Header, Res, type Type } from '@nestjs/common';
import { resolveMetricsOptions, METRICS_OPTIONS, type MetricsOptions } from './metrics.options.js';
import { RunnerMetrics } from './runner-metrics.js';
import { RunnerPart } from '../validation/runner-part.decorator.js';
import { Access } from '../auth/access.decorator.js';
import { HttpAdapterHost } from '@nestjs/core';
import { ApiRoute } from '../http/api-route.decorator.js';
import { replyWith } from '../http/http-response.js';
import { RunnerController } from '../http/runner-controller.decorator.js';

/** Returns the controller of the Prometheus endpoint at the host's path. */
export function metricsController(path: string): Type<unknown> {
  @RunnerController(path)
  @Access('manage')
  class MetricsController {
    constructor(
      private readonly metrics: RunnerMetrics,
      private readonly adapterHost: HttpAdapterHost,
    ) {}

    /** Returns the metrics in the text format of Prometheus. */
    @Get()
    @ApiRoute({
      summary: 'The metrics of this instance',
      answers: {
        200: {
          description: 'In the text format of Prometheus.',
          content: { 'text/plain': { type: 'string' } },
        },
      },
    })
    @Header('cache-control', 'no-store')
    async scrape(@Res() response: unknown): Promise<void> {
      const { registry } = this.metrics;
      replyWith(this.adapterHost, response, registry.contentType, await registry.metrics());
    }
  }
  return MetricsController;
}

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
