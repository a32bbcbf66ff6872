import type { Provider } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { FleetRouter } from '../http/fleet-router/fleet-router.js';
import { PeerAccess } from '../http/fleet-router/peer-access.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { checkedFleet, Fleet } from './fleet.js';

/** Providers that pass requests on to other nodes, and take theirs. */
export const FLEET_ROUTING: Provider[] = [
  {
    provide: FleetRouter,
    useFactory: (options: ResolvedRunnerOptions, fleet: Fleet) =>
      new FleetRouter(options, checkedFleet(fleet).peers),
    inject: [RUNNER_OPTIONS, Fleet],
  },
  {
    provide: PeerAccess,
    useFactory: (host: HttpAdapterHost, router: FleetRouter, fleet: Fleet) =>
      new PeerAccess(host, router, checkedFleet(fleet).peers),
    inject: [HttpAdapterHost, FleetRouter, Fleet],
  },
];
