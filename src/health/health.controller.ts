import { Get, Header } from '@nestjs/common';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { RunnerHealth } from './runner-health.js';
import { UnhealthyError } from './unhealthy.error.js';

/** `GET /livez` and `GET /readyz`, for whoever decides to restart the process or to send it more work. */
@RunnerController()
export class HealthController {
  constructor(private readonly health: RunnerHealth) {}

  /** The process answers. */
  @Get('livez')
  @Header('cache-control', 'no-store')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** New sessions can start here. */
  @Get('readyz')
  @Header('cache-control', 'no-store')
  async ready(): Promise<{ status: 'ready' }> {
    const failing = await this.health.failing();
    if (failing.length > 0) throw new UnhealthyError(failing);
    return { status: 'ready' };
  }
}
