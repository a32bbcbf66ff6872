// Many nodes as one runner, over Redis or Valkey; or a runner alone in its place.
import 'reflect-metadata';
import type { Fleet } from './fleet/fleet.js';
import { LocalFleet } from './fleet/local-fleet.js';
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

/**
 * Returns the fleet of a runner that is alone, without Redis, such as in tests and development: it does what a runner without the option `fleet` does. Each runner
 * needs its own.
 *
 * @example
 * ```ts
 * useFactory: (config: ConfigService) => (config.get('REDIS_URL') ? redisFleet({ … }) : localFleet())
 * ```
 */
export const localFleet = (): Fleet => new LocalFleet();

export { FleetSetupError } from './fleet/fleet-checks.js';
export { ForeignFleetError } from './fleet/fleet-heartbeat.js';
export type { FleetRole } from './fleet/fleet-status.js';
export type { RedisClient, RedisFleetOptions } from './fleet/redis-fleet.options.js';
