import { Get, Header, Req } from '@nestjs/common';
import { Access } from '../auth/access.decorator.js';
import { ApiRoute, json } from '../http/api-route.decorator.js';
import { RunnerController } from '../http/runner-controller.decorator.js';
import { RunnerRequest } from '../http/runner-request.js';
import { validateInto } from '../validation/validate-into.js';
import { FLEET_QUERY, FleetInfo, FleetQuery } from './dto/fleet.dto.js';
import { Fleet } from './fleet.js';

/** `GET /fleet`: the nodes that are one runner, for people and for scalers. Only with the option `fleet`. */
@RunnerController('fleet')
@Access('manage')
export class FleetController {
  constructor(private readonly fleet: Fleet) {}

  @Get()
  @ApiRoute({
    summary: 'Shows the nodes of the fleet, and what scales it',
    query: FLEET_QUERY,
    answers: { 200: { description: 'The fleet.', content: json(FleetInfo) } },
    errors: ['INVALID_FIELDS', 'OVERLOADED'],
  })
  @Header('cache-control', 'no-store')
  async show(@Req() { query }: RunnerRequest): Promise<FleetInfo> {
    const { role } = validateInto(FleetQuery, query);
    return FleetInfo.of(await this.fleet.status(), role);
  }
}
