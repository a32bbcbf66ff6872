import { Get, Header } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { ApiRoute, json } from '../http/api-route.decorator.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { FleetInfo } from './dto/fleet.dto.js';
import { Fleet } from './fleet.js';

/** `GET /fleet`: the nodes that are one runner, for people and for scalers. Only with the option `fleet`. */
@RunnerController('fleet')
@Access('manage')
export class FleetController {
  constructor(private readonly fleet: Fleet) {}

  @Get()
  @ApiRoute({
    summary: 'Shows the nodes of the fleet, and what scales it',
    answers: { 200: { description: 'The fleet.', content: json(FleetInfo) } },
    errors: ['OVERLOADED'],
  })
  @Header('cache-control', 'no-store')
  async show(): Promise<FleetInfo> {
    return FleetInfo.of(await this.fleet.status());
  }
}
