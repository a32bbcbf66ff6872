import { hostname, networkInterfaces } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import type { Fleet } from '../fleet/fleet.js';
import { type FleetRole, isFleetRole } from '../fleet/fleet-status.js';
import { type RedisFleetOptions, resolveFleetSettings } from '../fleet/redis-fleet.options.js';
import { redisFleet } from '../fleet.js';
import { InvalidOptionsError } from '../validation/options.js';
import type { Flags } from './flags.js';
import { count, secondsFrom } from './numbers.js';

/** Flags of a fleet of runners over Redis. */
export interface FleetFlags {
  /** URL of Redis. */
  readonly fleet?: string;
  /** URL of this runner for the others, without a path. */
  readonly fleetUrl?: string;
  readonly fleetNamespace: string;
  /** The most sessions of the whole fleet. */
  readonly fleetMaxSessions?: number;
  /** Time after which a silent node counts as dead, in seconds. */
  readonly fleetLease: number;
  /** Work of this runner. */
  readonly fleetRoles: readonly FleetRole[];
  /** Free places that a scaler keeps. */
  readonly fleetBuffer: number;
  /** Fate of rooms whose node is gone. */
  readonly fleetOnNodeLoss: 'fail' | 'restart';
  /** Time in which a node has to take the bot of a room, in seconds. */
  readonly fleetDispatchTimeout: number;
  /** Behaviour while Redis is away. */
  readonly fleetWhenRedisIsDown: 'local' | 'refuse';
  /** The most sessions of this runner. */
  readonly maxSessions?: number;
}

/** Default of `--max-sessions` in a fleet, which needs a number. */
const MAX_SESSIONS = 100;
/** Heartbeats in a lease. */
const BEATS = 5;

/** Shortest lease, with the shortest heartbeats, in seconds. */
const MIN_LEASE = 0.1 * BEATS;
/** Shortest time for the bot of a room, in seconds. */
const MIN_DISPATCH_TIMEOUT = 1;

/** Adds the flags to the command line. */
export const addFleetFlags = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--max-sessions <count>',
        `how many conversations this runner has at once, also those that wait for their client (default: all that come, in a fleet ${MAX_SESSIONS})`,
      )
        .argParser(count(1))
        .env('PIPECAT_MAX_SESSIONS'),
    )
    .addOption(
      new Option(
        '--fleet <url>',
        'Redis that makes one runner of many, such as redis://localhost:6379; PIPECAT_FLEET_SECRET has the secret',
      ).env('PIPECAT_FLEET'),
    )
    .addOption(
      new Option(
        '--fleet-url <url>',
        'where the other nodes of the fleet reach this one (default: its address and port)',
      ).env('PIPECAT_FLEET_URL'),
    )
    .addOption(
      new Option('--fleet-namespace <name>', 'name of the fleet among those of one Redis')
        .default('pipecat')
        .env('PIPECAT_FLEET_NAMESPACE'),
    )
    .addOption(
      new Option(
        '--fleet-max-sessions <count>',
        'how many conversations the whole fleet has at once (default: those of its nodes)',
      )
        .argParser(count(1))
        .env('PIPECAT_FLEET_MAX_SESSIONS'),
    )
    .addOption(
      new Option('--fleet-lease <seconds>', 'silence after which a node counts as dead')
        .argParser(secondsFrom(MIN_LEASE))
        .default(10)
        .env('PIPECAT_FLEET_LEASE'),
    )
    .addOption(
      new Option(
        '--fleet-roles <roles>',
        'what this runner serves: sockets,rooms, or one of them, or none to answer requests only',
      )
        .argParser(roles)
        .default(['sockets', 'rooms'], 'sockets,rooms')
        .env('PIPECAT_FLEET_ROLES'),
    )
    .addOption(
      new Option('--fleet-buffer <count>', 'free places that a scaler keeps (GET /fleet)')
        .argParser(count(0))
        .default(0)
        .env('PIPECAT_FLEET_BUFFER'),
    )
    .addOption(
      new Option('--fleet-on-node-loss <fate>', 'whether bots of rooms start again on another node')
        .choices(['fail', 'restart'])
        .default('fail')
        .env('PIPECAT_FLEET_ON_NODE_LOSS'),
    )
    .addOption(
      new Option(
        '--fleet-dispatch-timeout <seconds>',
        'how long the bot of a room may wait for a node that runs it',
      )
        .argParser(secondsFrom(MIN_DISPATCH_TIMEOUT))
        .default(10)
        .env('PIPECAT_FLEET_DISPATCH_TIMEOUT'),
    )
    .addOption(
      new Option(
        '--fleet-when-redis-is-down <behaviour>',
        'opens what only this runner serves, or nothing',
      )
        .choices(['local', 'refuse'])
        .default('local')
        .env('PIPECAT_FLEET_WHEN_REDIS_IS_DOWN'),
    );

/** Exits with the problem of a flag that cannot be used. */
export function checkFleetFlags(flags: Flags, env: NodeJS.ProcessEnv, command: Command): void {
  if (flags.fleet === undefined) return refuseAlone(command);
  if (flags.port === 0 && flags.fleetUrl === undefined) {
    command.error(
      'error: --fleet needs a --port other than 0, or --fleet-url: the others must know it',
    );
  }
  try {
    resolveFleetSettings(fleetOptionsOf(flags, env));
  } catch (error) {
    if (!isInstance(error, InvalidOptionsError)) throw error;
    const [problem = ''] = error.problems;
    const [name = ''] = problem.split(' ');
    command.error(`error: ${FLAG_OF[name] ?? name} ${problem.replace(/^\S+ /, '')}`);
  }
}

/** Exits with the flags of a fleet that were given where there is none. The environment may be that of several programs. */
function refuseAlone(command: Command): void {
  const given = command.options
    .filter(({ long }) => long?.startsWith('--fleet-'))
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .map(({ long }) => long);
  if (given.length === 0) return;
  command.error(
    `error: ${given.join(', ')} cannot be had without --fleet, the Redis that makes one runner of many`,
  );
}

const FLAG_OF: Readonly<Record<string, string>> = {
  redis: '--fleet',
  secret: 'PIPECAT_FLEET_SECRET',
  advertiseUrl: '--fleet-url',
  namespace: '--fleet-namespace',
};

/** Returns the fleet of the flags, and the most sessions of this node. Without `--fleet` it is alone. */
export function fleetOf(
  flags: Flags,
  env: NodeJS.ProcessEnv,
): { fleet?: { useFactory: () => Fleet }; maxSessions?: number } {
  if (flags.fleet === undefined) return { maxSessions: flags.maxSessions };
  const options = fleetOptionsOf(flags, env);
  return {
    fleet: { useFactory: () => redisFleet(options) },
    maxSessions: flags.maxSessions ?? MAX_SESSIONS,
  };
}

/** Returns the line of the banner; `undefined` without a fleet. */
export function fleetLine(flags: Flags): string | undefined {
  if (flags.fleet === undefined) return undefined;
  const { fleetNamespace, maxSessions = MAX_SESSIONS } = flags;
  return `${fleetNamespace} at ${withoutPassword(flags.fleet)}; this node is ${advertisedUrl(flags)} and has up to ${maxSessions} sessions (--max-sessions)`;
}

/** The flags as the bots' `cli_args` have them. A bot does not see the password of Redis. */
export const fleetCliArgsOf = (flags: FleetFlags): Record<string, unknown> => ({
  max_sessions: flags.maxSessions ?? null,
  fleet: flags.fleet === undefined ? null : withoutPassword(flags.fleet),
  fleet_url: flags.fleetUrl ?? null,
  fleet_namespace: flags.fleetNamespace,
  fleet_max_sessions: flags.fleetMaxSessions ?? null,
  fleet_lease: flags.fleetLease,
  fleet_roles: flags.fleetRoles,
  fleet_buffer: flags.fleetBuffer,
  fleet_on_node_loss: flags.fleetOnNodeLoss,
  fleet_dispatch_timeout: flags.fleetDispatchTimeout,
  fleet_when_redis_is_down: flags.fleetWhenRedisIsDown,
});

function fleetOptionsOf(flags: Flags, env: NodeJS.ProcessEnv): RedisFleetOptions {
  const leaseMs = Math.round(flags.fleetLease * 1_000);
  return {
    redis: flags.fleet!,
    secret: secretOf(env.PIPECAT_FLEET_SECRET ?? ''),
    advertiseUrl: advertisedUrl(flags),
    namespace: flags.fleetNamespace,
    nodeName: hostname(),
    maxSessions: flags.fleetMaxSessions,
    leaseMs,
    heartbeatMs: Math.floor(leaseMs / BEATS),
    roles: flags.fleetRoles,
    buffer: flags.fleetBuffer,
    onNodeLoss: flags.fleetOnNodeLoss,
    dispatchTimeoutMs: Math.round(flags.fleetDispatchTimeout * 1_000),
    whenRedisIsDown: flags.fleetWhenRedisIsDown,
  };
}

/** Parses roles. @throws {InvalidArgumentError} */
function roles(text: string): FleetRole[] {
  const names = text === 'none' ? [] : text.split(',').map((name) => name.trim());
  if (names.every(isFleetRole)) return names;
  throw new InvalidArgumentError('It must be sockets,rooms, one of them, or none.');
}

/** Parses a secret: a text, or a JSON array of several, the first of which signs. */
function secretOf(text: string): RedisFleetOptions['secret'] {
  if (!text.startsWith('[')) return text;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.map(String) : text;
  } catch {
    return text;
  }
}

/** Returns where others reach this runner: where it listens, and the machine's first address if that is everywhere. */
function advertisedUrl({ fleetUrl, host, port }: Flags): string {
  if (fleetUrl !== undefined) return fleetUrl;
  const isAnywhere = host === '0.0.0.0' || host === '::';
  const address = isAnywhere ? (ownAddress() ?? hostname()) : host;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

const ownAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.internal === false && one.family === 'IPv4')?.address;

function withoutPassword(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch (error) {
    return `(no URL: ${textOfThrown(error).message})`;
  }
}
