import { Get, Header } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { ApiRoute, json } from '../http/api-route.decorator.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { RunnerHealth, UnhealthyError } from './runner-health.js';

const statusOf = (status: string) => ({
  type: 'object',
  required: ['status'],
  properties: { status: { type: 'string', enum: [status] } },
});

/** `GET /livez` and `GET /readyz`: liveness and readiness probes. */
@RunnerController()
@Access('open')
export class HealthController {
  constructor(private readonly health: RunnerHealth) {}

  /** Answers the liveness probe. */
  @Get('livez')
  @ApiRoute({
    summary: 'Liveness probe: the process answers',
    answers: { 200: { description: 'The process is alive.', content: json(statusOf('ok')) } },
  })
  @Header('cache-control', 'no-store')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Answers the readiness probe. */
  @Get('readyz')
  @ApiRoute({
    summary: 'Readiness probe: new sessions can start on this instance',
    answers: { 200: { description: 'The instance is ready.', content: json(statusOf('ready')) } },
    errors: ['UNHEALTHY'],
  })
  @Header('cache-control', 'no-store')
  async ready(): Promise<{ status: 'ready' }> {
    const failing = await this.health.failing();
    if (failing.length > 0) throw new UnhealthyError(failing);
    return { status: 'ready' };
  }
}
