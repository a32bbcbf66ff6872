import { Get, Header } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { ApiRoute, json } from '../http/api-route.decorator.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { RunnerHealth } from './runner-health.js';
import { UnhealthyError } from './unhealthy.error.js';

const statusOf = (status: string) => ({
  type: 'object',
  required: ['status'],
  properties: { status: { type: 'string', enum: [status] } },
});

/** `GET /livez` and `GET /readyz`, for whoever decides to restart the process or to send it more work. */
@RunnerController()
@Access('open')
export class HealthController {
  constructor(private readonly health: RunnerHealth) {}

  /** The process answers. */
  @Get('livez')
  @ApiRoute({
    summary: 'Tells whether the process answers',
    answers: { 200: { description: 'It does.', content: json(statusOf('ok')) } },
  })
  @Header('cache-control', 'no-store')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** New sessions can start here. */
  @Get('readyz')
  @ApiRoute({
    summary: 'Tells whether new sessions can start here',
    answers: { 200: { description: 'They can.', content: json(statusOf('ready')) } },
    errors: ['UNHEALTHY'],
  })
  @Header('cache-control', 'no-store')
  async ready(): Promise<{ status: 'ready' }> {
    const failing = await this.health.failing();
    if (failing.length > 0) throw new UnhealthyError(failing);
    return { status: 'ready' };
  }
}
