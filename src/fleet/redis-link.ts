import type { RedisOptions } from 'ioredis';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunnerLogger } from '../errors/runner-logger.js';
import { within } from '../errors/attempt.js';
import { fieldOf, textOfThrown } from '../errors/thrown.js';
import { neededPackage } from '../packages.js';
import { InvalidOptionsError, kindOf } from '../validation/options.js';
import type { FleetObserver } from './fleet-observer.js';
import type { RedisClient, ResolvedFleetSettings } from './redis-fleet.options.js';
import type { RedisScript } from './redis-script.js';
import { connectText, isSummary, isUnsent, onUnready, serversOf } from './redis-servers.js';

/** Longest wait for one answer, in milliseconds. Each script is tried twice. */
const COMMAND_TIMEOUT_MS = 300;
/** Longest wait for the first connection, in milliseconds. */
const CONNECT_MS = 3_000;
/** Longest time of both tries, with the wait for a new connection between them, in milliseconds. */
const GIVE_UP_AFTER_MS = 700;
/** Wait before the second try on the same connection, in milliseconds. */
const RETRY_AFTER_MS = 25;
/** Silence of a connection after which a new one is tried, in milliseconds: its other end may be gone without a word. */
const GIVE_UP_CONNECTION_MS = 1_000;
/** Pause before a client is connected again that gave up, or was closed, in milliseconds. */
const REOPEN_AFTER_MS = 1_000;
/** Misses, and the time within which they make the fleet degraded; after as long without a miss it is so no more. */
const DEGRADED_AFTER = 3;
const DEGRADED_WITHIN_MS = 2_000;

/** Returns the pause before a try to connect, in milliseconds. It never gives up. */
export function retryStrategy(times: number): number {
  return Math.min(25 * 2 ** Math.min(times, 6), 1_000);
}

/** Options of every client of a fleet: a command fails within 300 ms, and never waits for a server that is away. */
export const CLIENT_OPTIONS = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: 1_000,
  disconnectTimeout: 300,
  retryStrategy,
  // After a failover the old primary answers as a replica; Redis 6.2 says so behind the name of the script.
  reconnectOnError: (error: Error) => error.message.includes('READONLY '),
  lazyConnect: true,
  protocol: 2,
} satisfies RedisOptions;

/** Error of an operation that Redis did not answer in time. It may have been carried out. */
export class DirectoryUnavailableError extends Error {
  override readonly name = 'DirectoryUnavailableError';
}

/** Connection to the directory: runs scripts, each twice before it gives up, and knows if Redis is away. */
export class RedisLink {
  private readonly logger = new RunnerLogger('PipecatFleet');
  private readonly missedAtMs: number[] = [];
  private degraded = false;
  /** Time of the first miss since the last answer. */
  private silentSinceMs: number | undefined;
  /** Error of the last try to connect. */
  private connectError: Error | undefined;
  private closed = false;
  /** True from the end of a connection that its client does not make again, until there is one. */
  private isEnded = false;

  constructor(
    readonly client: RedisClient,
    /** First part of all keys, with the hash tag that keeps them together in a Cluster. */
    readonly prefix: string,
    /** Returns who is told of answers and misses. */
    readonly observer: () => FleetObserver | undefined = () => undefined,
  ) {
    const keep = (error: Error): void => {
      if (!isUnsent(error) && !isSummary(error)) this.connectError = error;
    };
    client.on('error', keep);
    // Of a Sentinel, and of a node of a Cluster.
    for (const event of ['sentinelError', 'node error']) client.on(event, keep);
    onUnready(client, keep);
    client.on('ready', () => {
      this.connectError = undefined;
      this.isEnded = false;
    });
    client.on('end', () => this.reopen());
    // Each operation that waits for a new connection listens for it.
    client.setMaxListeners(0);
  }

  /** @throws {Error} when ioredis is not installed, with the line that installs it */
  static async create(
    settings: ResolvedFleetSettings,
    observer?: RedisLink['observer'],
  ): Promise<RedisLink> {
    const client = await clientOf(settings, CLIENT_OPTIONS);
    return new RedisLink(client, prefixOf(settings.namespace), observer);
  }

  /** Closes the connection, for good. */
  close(): void {
    this.closed = true;
    this.client.disconnect();
  }

  /** Connects again a client that the application has closed, or whose `retryStrategy` has given up: the node would be alone until it is started again. */
  private reopen(): void {
    if (this.closed) return;
    if (!this.isEnded) {
      this.logger.warn(
        'the client of redis was closed by the application, or its retryStrategy gave up; connecting again',
      );
    }
    this.isEnded = true;
    const open = (): void => {
      if (!this.closed) this.client.connect().catch(() => undefined);
    };
    setTimeout(open, REOPEN_AFTER_MS).unref();
  }

  /** True after three misses within two seconds, until there was none for two seconds. */
  get isDegraded(): boolean {
    return this.degraded;
  }

  /**
   * Connects, unless the client does so already, and returns what `INFO` tells.
   * @throws the reason, within some seconds. The client goes on trying: with Sentinel, and in a Cluster, it tells of no failure.
   */
  async info(): Promise<string> {
    const { client } = this;
    const told = async (): Promise<string> => {
      if (client.status === 'wait') await client.connect();
      return client.info();
    };
    try {
      return await within(CONNECT_MS, told(), () => new Error('no answer'));
    } catch (error) {
      const asked = client.isCluster ? '; its nodes have to announce addresses that they have' : '';
      throw this.reasonOf(error, `no connection yet${asked}`);
    }
  }

  /**
   * Returns why a command failed: without a connection that of the last try to connect, if one has ended, with the servers' addresses.
   * @param otherwise told when no try has ended
   */
  reasonOf(error: unknown, otherwise = 'the connection was lost'): unknown {
    if (this.client.status === 'ready' && !isUnsent(error)) return error;
    const servers = serversOf(this.client);
    const why = this.connectError
      ? connectText(this.connectError, fieldOf(this.client.options, 'name'))
      : otherwise;
    return new Error(servers ? `${servers}: ${why}` : why, { cause: this.connectError ?? error });
  }

  /**
   * Runs a script, and once more if no answer comes: it may run twice.
   * @throws {DirectoryUnavailableError}
   */
  async run(script: RedisScript, ...args: readonly (string | number)[]): Promise<Reply> {
    const texts = args.map(textOf);
    const ask = (): Promise<unknown> => script.run(this.client, this.prefix, texts);
    return new Reply(script.name, await this.twice(script.name, ask));
  }

  /** Returns fields of a hash. @throws {DirectoryUnavailableError} */
  fields(key: string, ...names: readonly string[]): Promise<(string | null)[]> {
    return this.twice('lookup', () => this.client.hmget(`${this.prefix}${key}`, ...names));
  }

  /** Returns the time by the clock of Redis, in milliseconds since 1970. Rejects when it does not answer. */
  async nowMs(): Promise<number> {
    const [seconds, microseconds] = await this.client.time();
    return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
  }

  private async twice<T>(op: string, ask: () => Promise<T>): Promise<T> {
    const begunAtMs = performance.now();
    try {
      return await this.attempt(op, ask, begunAtMs, false);
    } catch {
      const leftMs = GIVE_UP_AFTER_MS - COMMAND_TIMEOUT_MS - (performance.now() - begunAtMs);
      await this.connected(leftMs);
    }
    try {
      return await this.attempt(op, ask, begunAtMs, true);
    } catch (cause) {
      throw unanswered(op, this.reasonOf(cause));
    }
  }

  private async connected(timeoutMs: number): Promise<void> {
    if (this.client.status === 'ready') return sleep(RETRY_AFTER_MS);
    const signal = AbortSignal.timeout(Math.max(0, Math.ceil(timeoutMs)));
    // The second try tells what is wrong.
    await once(this.client, 'ready', { signal }).catch(() => undefined);
  }

  private async attempt<T>(
    op: string,
    ask: () => Promise<T>,
    begunAtMs: number,
    isLast: boolean,
  ): Promise<T> {
    try {
      this.gather();
      const reply = await ask();
      this.answered();
      this.observer()?.answered(op, performance.now() - begunAtMs);
      return reply;
    } catch (error) {
      // A connection that was lost fails all that was under way on it, and says nothing of Redis until the new one has failed too.
      if (isLast || this.client.status === 'ready') this.missed(error);
      this.observer()?.missed(op, this.kindOf(error));
      throw error;
    }
  }

  /** Writes all commands of this turn of the event loop at once: a write of its own for each costs more than the rest of a command. */
  private gather(): void {
    const stream = 'stream' in this.client ? this.client.stream : undefined;
    if (!stream || stream.writableCorked > 0) return;
    stream.cork();
    setImmediate(() => stream.uncork());
  }

  /** Returns why an operation failed: no answer in time, no connection, or an answer that is an error. */
  kindOf(error: unknown): 'timeout' | 'connection' | 'error' {
    if (textOfThrown(error).message.includes('timed out')) return 'timeout';
    return this.client.status === 'ready' ? 'error' : 'connection';
  }

  private answered(): void {
    this.silentSinceMs = undefined;
    const last = this.missedAtMs.at(-1) ?? -Infinity;
    if (!this.degraded || performance.now() - last < DEGRADED_WITHIN_MS) return;
    this.degraded = false;
    this.missedAtMs.length = 0;
    this.logger.log('Redis answers again');
  }

  private missed(error: unknown): void {
    const nowMs = performance.now();
    this.silentSinceMs ??= nowMs;
    if (nowMs - this.silentSinceMs > GIVE_UP_CONNECTION_MS && this.client.status === 'ready') {
      this.silentSinceMs = undefined;
      this.client.disconnect(true);
    }
    this.missedAtMs.push(nowMs);
    if (this.missedAtMs.length > DEGRADED_AFTER) this.missedAtMs.shift();
    const isFull = this.missedAtMs.length === DEGRADED_AFTER;
    if (this.degraded || !isFull || nowMs - this.missedAtMs[0]! > DEGRADED_WITHIN_MS) return;
    this.degraded = true;
    const { message } = textOfThrown(this.reasonOf(error));
    this.logger.warn(`degraded: Redis does not answer: ${message}`);
  }
}

/** Answer of a script: a list of words, numbers and lists of words. What is not there reads as '' or 0. */
export class Reply {
  private readonly parts: readonly unknown[];

  /** @throws {TypeError} for an answer that is no list */
  constructor(script: string, reply: unknown) {
    if (!Array.isArray(reply)) throw new TypeError(`${script} answered no list`);
    this.parts = reply;
  }

  text(at: number): string {
    const part = this.parts[at];
    return typeof part === 'string' || typeof part === 'number' ? String(part) : '';
  }

  number(at: number): number {
    return Number(this.text(at));
  }

  list(at: number): string[] {
    const part: unknown = this.parts[at];
    return Array.isArray(part) ? part.filter((one) => typeof one === 'string') : [];
  }

  /** All parts as words. */
  get words(): string[] {
    return this.parts.map((_, at) => this.text(at));
  }
}

function unanswered(what: string, cause: unknown): DirectoryUnavailableError {
  const { message } = textOfThrown(cause);
  return new DirectoryUnavailableError(`Redis did not answer ${what}: ${message}`, { cause });
}

/**
 * Returns a new client of the fleet's server.
 * @throws {Error} when ioredis is not installed, with the line that installs it
 */
export async function clientOf(
  { redis }: Pick<ResolvedFleetSettings, 'redis'>,
  options: RedisOptions,
): Promise<RedisClient> {
  const ioredis = await neededPackage('ioredis', 'redisFleet', () => import('ioredis'));
  if (typeof redis === 'function') return madeBy(redis, options);
  return typeof redis === 'string'
    ? new ioredis.Redis(redis, options)
    : new ioredis.Redis({ ...redis, ...options });
}

async function madeBy(
  make: (options: RedisOptions) => RedisClient | Promise<RedisClient>,
  options: RedisOptions,
): Promise<RedisClient> {
  const client: unknown = await make({ ...options });
  if (typeof fieldOf(client, 'duplicate') === 'function') return client as RedisClient;
  throw new InvalidOptionsError('redisFleet', [
    `redis must return a client of ioredis, such as (options) => new Redis({ host, ...options }), not ${kindOf(client)}`,
  ]);
}

/** Returns the first part of all keys of a fleet. */
export const prefixOf = (namespace: string): string => `pipecat:{${namespace}}:`;

/** No limit is the largest number that Lua and JavaScript count to. */
const textOf = (arg: string | number): string =>
  arg === Infinity ? String(Number.MAX_SAFE_INTEGER) : String(arg);
