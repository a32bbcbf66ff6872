// Many nodes as one runner, over Redis or Valkey.
import 'reflect-metadata';
import { RedisFleet } from './fleet/redis-fleet.js';
import type { RedisFleetSettings } from './fleet/redis-fleet.settings.js';
import type { Fleet } from './fleet/fleet.js';

/** Options of {@link redisFleet}. */
export type RedisFleetOptions = Pick<RedisFleetSettings, 'redis' | 'secret' | 'advertiseUrl'> &
  Partial<RedisFleetSettings>;

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
export type { RedisClient, RedisFleetSettings } from './fleet/redis-fleet.settings.js';
