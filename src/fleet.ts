// Many nodes as one runner, over Redis or Valkey.
import 'reflect-metadata';
import type { Fleet } from './fleet/fleet.js';
import { RedisFleet } from './fleet/redis-fleet.js';
import type { RedisFleetOptions } from './fleet/redis-fleet.options.js';

/**
 * Returns a fleet over Redis or Valkey, for the option `fleet` of `RunnerModule`. Each runner needs its own.
 *
 * @example
 * ```ts
 * RunnerModule.forRoot({ maxSessions: 200, fleet: { useFactory: () => redisFleet({ redis, secret, advertiseUrl }) }, … })
 * ```
 * @throws {InvalidOptionsError}
 */
export const redisFleet = (options: RedisFleetOptions): Fleet => new RedisFleet(options);

export { FleetSetupError } from './fleet/fleet-checks.js';
export { ForeignFleetError } from './fleet/fleet-heartbeat.js';
export type { FleetRole, RedisClient, RedisFleetOptions } from './fleet/redis-fleet.options.js';
