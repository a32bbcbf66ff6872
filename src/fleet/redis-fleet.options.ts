import type { Cluster, Redis, RedisOptions } from 'ioredis';
import {
  Accepts,
  IsOneOf,
  IsText,
  Milliseconds,
  ValidatedBy,
  WholeNumber,
} from '../validation/option.decorators.js';
import {
  InvalidOptionsError,
  kindOf,
  resolveOptions,
  type WithDefaults,
} from '../validation/options.js';
import { isObject } from '../validation/is-object.js';
import { type FleetRole, isFleetRole } from './fleet-status.js';

/** Client of one Redis or Valkey server, or of a Cluster. */
export type RedisClient = Redis | Cluster;

const MIN_SECRET_LENGTH = 32;
/** Hosts that no other node can reach: those of a variable that is not set, and of any address. */
const NO_HOSTS = ['undefined', 'null', '0.0.0.0', '[::]'];

/** Options of a fleet over Redis or Valkey, for `redisFleet()`. */
export class RedisFleetOptions {
  /**
   * URL of the server, options of ioredis, or a function that makes a client, such as for Sentinel or a Cluster. The function must pass on the options that it
   * is given, so that nothing waits for a server that is away.
   */
  @Accepts(
    'must be a URL such as redis://…, options of ioredis, or a function that makes a client, not a client',
    (value) =>
      (typeof value === 'string' && /^rediss?:\/\//.test(value)) ||
      (isObject(value) && !('sendCommand' in value)) ||
      typeof value === 'function',
  )
  redis!: string | RedisOptions | ((options: RedisOptions) => RedisClient);

  /**
   * Secret of the fleet, the same on all nodes: its keys encrypt records, and sign those of nodes. Of a list the first one signs and all verify: a new secret is
   * first added behind the old one on all nodes, and then put before it.
   */
  @ValidatedBy(secretProblem)
  secret!: string | readonly string[];

  /** URL at which the other nodes reach this one: its own address and port, such as `http://10.0.0.7:3000`, without a path. */
  @ValidatedBy(addressProblem)
  advertiseUrl!: string;

  /**
   * Name of the fleet among those that share a server.
   * @default 'pipecat'
   */
  @Accepts(
    'must have 1 to 64 letters, digits, dots, hyphens and underscores',
    (value) => typeof value === 'string' && /^[\w.-]{1,64}$/.test(value),
  )
  namespace?: string = 'pipecat';

  /**
   * Name of the node in logs. Each process adds a random part of its own.
   * @default 'node'
   */
  @IsText()
  nodeName?: string = 'node';

  /**
   * The most sessions of the whole fleet. It has never more than its nodes have in all.
   * @default Infinity
   */
  @WholeNumber(1, { infinite: true })
  maxSessions?: number = Infinity;

  /**
   * Free places that a scaler keeps: `GET /fleet` adds them to `scaleOn`.
   * @default 0
   */
  @WholeNumber(0)
  buffer?: number = 0;

  /**
   * Interval of heartbeats, in milliseconds.
   * @default 2_000
   */
  @Milliseconds(100)
  heartbeatMs?: number = 2_000;

  /**
   * Time after the last heartbeat at which a node counts as dead, in milliseconds: at least three heartbeats.
   * @default 10_000
   */
  @ValidatedBy<ResolvedFleetSettings>((value, { heartbeatMs }) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 3 * heartbeatMs
      ? undefined
      : `must be a whole number of milliseconds, at least three heartbeats: ${3 * heartbeatMs}`,
  )
  leaseMs?: number = 10_000;

  /**
   * Work of this node: `sockets` serves the clients and carriers that connect to it, and `rooms` runs bots of rooms, its own and those of other nodes. A node
   * without them answers requests, and leaves its rooms to others. Handing rooms to other nodes needs the package `bullmq`.
   * @default ['sockets', 'rooms']
   */
  @Accepts(
    "must be a list of 'sockets' and 'rooms'",
    (value) => Array.isArray(value) && value.every(isFleetRole),
  )
  roles?: readonly FleetRole[] = ['sockets', 'rooms'];

  /**
   * Time in which a node has to take the bot of a room from the one that answered `/start`, in milliseconds. After that the session ends as `start_failed`, and its
   * room is removed.
   * @default 10_000
   */
  @Milliseconds(1_000)
  dispatchTimeoutMs?: number = 10_000;

  /**
   * Fate of rooms whose node is gone: `fail` ends their sessions as `lost` and removes the rooms, `restart` launches their bots again on another node, also those
   * that outlast the drain of theirs. Sockets always end as `lost`.
   * @default 'fail'
   */
  @IsOneOf('fail', 'restart')
  onNodeLoss?: 'fail' | 'restart' = 'fail';

  /**
   * The most bytes of a session's data in Redis, as JSON. A larger body is answered with 413.
   * @default 16_384
   */
  @WholeNumber(1, { max: 1_048_576 })
  maxBodyBytes?: number = 16_384;

  /**
   * Behaviour while Redis is away: `local` opens what only this node serves, up to its `maxSessions` (sockets without a session, rooms, and with
   * `webSocketAuth: 'token'` sessions whose token names it), and `refuse` opens nothing. Conversations go on, and any other `/start` is 503.
   * @default 'local'
   */
  @IsOneOf('local', 'refuse')
  whenRedisIsDown?: 'local' | 'refuse' = 'local';

  /**
   * The most ended sessions that the fleet lists.
   * @default 5_000
   */
  @WholeNumber(0, { max: 100_000 })
  historySize?: number = 5_000;
}

/** The settings with their defaults. */
export type ResolvedFleetSettings = WithDefaults<RedisFleetOptions>;

/** @throws {InvalidOptionsError} */
export const resolveFleetSettings = (settings: Partial<RedisFleetOptions>): ResolvedFleetSettings =>
  resolveOptions('redisFleet', withoutUnset(), settings);

/** Those that must be given are set to what is not accepted, so that a missing one is named like an invalid one. */
function withoutUnset(): RedisFleetOptions {
  const missing = { redis: null, secret: null, advertiseUrl: null };
  return Object.assign(new RedisFleetOptions(), missing as never);
}

/** Checks what a fleet asks of its runner. @throws {InvalidOptionsError} */
export function checkAttached(
  { maxSessions }: { readonly maxSessions: number },
  isAttached: boolean,
): void {
  if (isAttached) {
    throw new InvalidOptionsError('RunnerModule', [
      'fleet serves another runner already: make one for each, with useFactory',
    ]);
  }
  if (maxSessions === Infinity) {
    throw new InvalidOptionsError('RunnerModule', [
      'maxSessions must be a number with a fleet: the most sessions of this node',
    ]);
  }
}

/** Returns the secrets of the fleet, the first of which signs. */
export const secretsOf = ({ secret }: ResolvedFleetSettings): readonly [string, ...string[]] => {
  const [first = '', ...others] = typeof secret === 'string' ? [secret] : secret;
  return [first, ...others];
};

function secretProblem(value: unknown): string | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isLong = (one: unknown): boolean =>
    typeof one === 'string' && one.length >= MIN_SECRET_LENGTH;
  return list.length > 0 && list.length <= 5 && list.every(isLong)
    ? undefined
    : `must have at least ${MIN_SECRET_LENGTH} characters, the same on all nodes; or be a list of 1 to 5 such secrets`;
}

function addressProblem(value: unknown): string | undefined {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  const isHttp = url !== undefined && /^https?:$/.test(url.protocol);
  const beside = isHttp ? besideAddress(url) : [];
  if (beside.length > 0) {
    return `must be the address alone, such as http://10.0.0.7:3000, without the ${beside.join(', ')}: the runner adds the paths itself, the application's prefix too`;
  }
  if (isHttp && !NO_HOSTS.includes(url.hostname)) return undefined;
  const given = typeof value === 'string' ? `'${value}'` : kindOf(value);
  return `must be a URL such as http://10.0.0.7:3000, at which the other nodes reach this one, not ${given}`;
}

/** Returns what a URL has beside its address, credentials and query without their text, which may be secret. */
function besideAddress({ username, password, pathname, search, hash }: URL): string[] {
  const parts: (string | false)[] = [
    username + password !== '' && 'credentials',
    pathname !== '/' && `path '${pathname}'`,
    search !== '' && 'query',
    hash !== '' && 'fragment',
  ];
  return parts.filter((part) => part !== false);
}
