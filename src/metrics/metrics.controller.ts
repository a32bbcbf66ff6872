import { Get, Header, Res, type Type } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { HttpAdapterHost } from '@nestjs/core';
import { ApiRoute } from '../http/api-route.decorator.js';
import { replyWith } from '../http/http-response.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { RunnerMetrics } from './runner-metrics.js';

/** Returns the controller of the Prometheus endpoint at the host's path. */
export function metricsController(path: string): Type<unknown> {
  @RunnerController(path)
  @Access('manage')
  class MetricsController {
    /** Text being rendered, shared by concurrent scrapes. */
    private rendering: Promise<string> | undefined;

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
      this.rendering ??= registry.metrics().finally(() => (this.rendering = undefined));
      replyWith(this.adapterHost, response, registry.contentType, await this.rendering);
    }
  }
  return MetricsController;
}
