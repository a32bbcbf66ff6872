import { IsArray, IsObject, IsPositive, Matches, MinLength } from 'class-validator';
import { checkKeys, type RunnerKey } from './auth/runner-key.js';
import {
  Accepts,
  IsOneOf,
  IsText,
  ValidatedBy,
  WholeNumber,
} from './validation/option.decorators.js';
import { MAX_TIMER_MS, resolveOptions, type WithDefaults } from './validation/options.js';

const ORIGINS =
  '$property must be a list of origins such as https://app.example.com (scheme and host, no path)';

/** Number of milliseconds within the range of a timer, where `infinite` also `Infinity`. */
const DurationMs = (min: number, { infinite = false } = {}): PropertyDecorator =>
  Accepts(
    `must be a number of milliseconds from ${min} to ${MAX_TIMER_MS}${infinite ? ', or Infinity' : ''}`,
    (value) =>
      typeof value === 'number' &&
      value >= min &&
      (value <= MAX_TIMER_MS || (infinite && value === Infinity)),
  );

/** Validates {@link RunnerOptions.publicUrl}. */
export const isPublicUrl = (value: unknown): boolean =>
  typeof value === 'string' &&
  /^(https?:\/\/)?(?![a-z][\w+.-]*:\/\/)[^\s/?#]+(\/[^\s?#]*)?$/i.test(value) &&
  URL.canParse(withScheme(value));

export const PUBLIC_URL =
  'must be a host name such as bot.example.com, or an http(s):// URL without query';

const withScheme = (publicUrl: string): string =>
  publicUrl.includes('://') ? publicUrl : `https://${publicUrl}`;

const isCloneable = (value: unknown): boolean => {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
};

/** Options of the runner. Every option has a default. All are validated when the application starts. */
export class RunnerOptions {
  /**
   * Public URL of this runner: a host name, or an `http(s)://` URL, with or without a path.
   * @default the `Host` and scheme of each request
   */
  @Accepts(PUBLIC_URL, isPublicUrl)
  publicUrl?: string;
  /**
   * Allowed origins of browsers (CORS and WebSocket), such as `https://app.example.com`. Case-insensitive. The origin of
   * {@link publicUrl} is added to a list that is not empty.
   * @default [] (every origin)
   */
  @IsArray({ message: ORIGINS })
  @Matches(/^[a-z][a-z0-9+.-]*:\/\/[^\s/]+$/i, { each: true, message: ORIGINS })
  allowedOrigins?: string[] = [];
  /**
   * Authentication of WebSockets. `token` requires a one-time token from `/start` or from the answer to a carrier's webhook.
   * @default 'none'
   */
  @IsOneOf('none', 'token')
  webSocketAuth?: 'none' | 'token' = 'none';
  /**
   * Default `body` of WebSocket sessions that have none from `/start` or `?body=`.
   * @default {}
   */
  @Accepts('must be data, such as JSON has it', isCloneable)
  webSocketBody?: unknown;
  /**
   * Secret that signs WebSocket tokens, at least 16 characters.
   * @default random, new for each process
   */
  @MinLength(16, { message: '$property must be a string of at least 16 characters' })
  tokenSecret?: string;
  /**
   * Keys that start sessions and reach them (`/start`, `/sessions/:id/*`), as `Authorization: Bearer <key>`. Several keys allow
   * several clients and key rotation. With any public or private key, every route requires one.
   * @default []
   */
  @ValidatedBy(checkKeys)
  publicKeys?: RunnerKey[] = [];
  /**
   * Keys for everything, including listing, inspecting and stopping sessions.
   * @default []
   */
  @ValidatedBy(checkKeys)
  privateKeys?: RunnerKey[] = [];
  /** The only transport this instance accepts; also the default of `/start`. */
  @IsText('must be a string of at least 1 character')
  onlyTransport?: string;
  /**
   * Transport of a `/start` that names none.
   * @default the only one there is, or else 'webrtc'
   */
  @IsText('must be a string of at least 1 character')
  defaultTransport?: string;
  /**
   * Time-out of a pending session until its client connects, in milliseconds; also the lifetime of a token.
   * @default 300_000
   */
  @DurationMs(1)
  pendingTtlMs?: number = 300_000;
  /**
   * Limit of concurrent sessions of this instance, pending and running. Beyond it `/start` answers 429.
   * @default Infinity
   */
  @WholeNumber(1, { infinite: true })
  maxSessions?: number = Infinity;
  /**
   * Time-out of a `/start` that queues for a free slot, in milliseconds; then it answers 429. 0 disables the queue.
   * @default 0
   */
  @DurationMs(0)
  startQueueMs?: number = 0;
  /**
   * Limit of queued `/start` requests.
   * @default 100
   */
  @WholeNumber(1)
  maxQueuedStarts?: number = 100;
  /**
   * Load of this instance, such as CPU or memory. While it reaches {@link loadThreshold}, new sessions are refused with 503. The last
   * value stays in force when the function throws or does not resolve.
   */
  @Accepts('must be a function', (value) => typeof value === 'function')
  loadFunction?: () => number | Promise<number>;
  /**
   * Load from which new sessions are refused.
   * @default 0.75
   */
  @IsPositive({ message: '$property must be a number above 0' })
  loadThreshold?: number = 0.75;
  /**
   * Polling interval of `loadFunction`, in milliseconds after its last result.
   * @default 2_500
   */
  @DurationMs(1)
  loadIntervalMs?: number = 2_500;
  /**
   * Longest duration of a session, in milliseconds.
   * @default Infinity
   */
  @DurationMs(1, { infinite: true })
  maxSessionDurationMs?: number = Infinity;
  /**
   * Time-out of a bot until it calls `session.ready()`, in milliseconds.
   * @default Infinity
   */
  @DurationMs(1, { infinite: true })
  readyTimeoutMs?: number = Infinity;
  /**
   * Time-out of a bot until it returns after its signal aborted, in milliseconds; then its connection is closed.
   * @default 5_000
   */
  @DurationMs(0)
  stopGraceMs?: number = 5_000;
  /**
   * Graceful shutdown: the time that sessions and requests may go on, in milliseconds; then they are ended (`draining`). The
   * orchestrator's kill time-out must exceed this plus `stopGraceMs`. 0 is for development and tests.
   * @default 20_000
   */
  @DurationMs(0)
  drainTimeoutMs?: number = 20_000;
  /**
   * Number of ended sessions after which this process takes no more, and ends by SIGTERM with its last conversation, for its supervisor to start another. Nodes of a
   * fleet do so one after the other.
   * @default Infinity
   */
  @WholeNumber(1, { infinite: true })
  recycleAfterSessions?: number = Infinity;
  /**
   * Resident memory of this process, in bytes, beyond which the same happens. Bots in processes of their own do not count.
   * @default Infinity
   */
  @WholeNumber(1, { infinite: true })
  recycleMemoryBytes?: number = Infinity;
  /**
   * Time for which the event loop may be held before a warning names the bot, in milliseconds; `Infinity` switches the watchdog off.
   * @default 250
   */
  @DurationMs(1, { infinite: true })
  blockedLoopWarnMs?: number = 250;
  /**
   * Time-out of a bot's answer to a request to `/sessions/:id/*`, in milliseconds, without the answer's body.
   * @default 30_000
   */
  @DurationMs(1)
  sessionRequestTimeoutMs?: number = 30_000;
  /**
   * Time-out of the host's `callRouter`, in milliseconds; then the caller is told that all lines are busy. Carriers wait for about
   * 15 seconds.
   * @default 5_000
   */
  @DurationMs(1)
  callRouterTimeoutMs?: number = 5_000;
  /**
   * Time-out of one call of the host's `sessionHooks`, in milliseconds. Shutdown waits as long for pending calls, after the last
   * session.
   * @default 10_000
   */
  @DurationMs(1)
  sessionHookTimeoutMs?: number = 10_000;
  /**
   * Limit of ended sessions that `GET /sessions` lists.
   * @default 500
   */
  @WholeNumber(0)
  sessionHistory?: number = 500;
  /**
   * Largest HTTP request body, in bytes. A larger one is answered with 413.
   * @default 1_048_576
   */
  @WholeNumber(1)
  bodyLimitBytes?: number = 1_048_576;
  /**
   * Time-out of receiving a request body, in milliseconds; then it is answered with 400. It does not apply to bodies that a bot reads
   * itself at `/sessions/:id/*`.
   * @default 30_000
   */
  @DurationMs(1)
  bodyTimeoutMs?: number = 30_000;
  /**
   * Largest WebSocket message, in bytes. A larger one closes the socket with 1009.
   * @default 1_048_576
   */
  @WholeNumber(1)
  maxPayloadBytes?: number = 1_048_576;
  /**
   * Time-out of a peer's answer to a WebSocket close, in milliseconds; then the connection is cut.
   * @default 2_000
   */
  @DurationMs(0)
  closeTimeoutMs?: number = 2_000;
  /** Value of the bots' `args.cli_args`; the flags of the standalone runner, by Pipecat's names. */
  @IsObject({ message: '$property must be an object' })
  cliArgs?: Record<string, unknown>;
}

/** {@link RunnerOptions} with every default filled in. */
export type ResolvedRunnerOptions = WithDefaults<
  RunnerOptions,
  | 'publicUrl'
  | 'webSocketBody'
  | 'tokenSecret'
  | 'onlyTransport'
  | 'defaultTransport'
  | 'loadFunction'
  | 'cliArgs'
>;

/** DI token of the {@link ResolvedRunnerOptions}. */
export const RUNNER_OPTIONS = Symbol('RUNNER_OPTIONS');

/**
 * Fills in the defaults.
 * @param extras options that shape the module, and belong beside an options factory
 * @throws {InvalidOptionsError} naming every invalid option, and what is accepted
 */
export function resolveRunnerOptions(
  given: RunnerOptions = {},
  extras: readonly string[] = [],
): ResolvedRunnerOptions {
  const options: ResolvedRunnerOptions = resolveOptions(
    'RunnerModule',
    new RunnerOptions(),
    given,
    extras,
  );
  const { allowedOrigins, publicUrl } = options;
  if (allowedOrigins.length > 0 && publicUrl !== undefined) {
    // Pages on the runner's own origin, such as its console, are always allowed.
    options.allowedOrigins = [...allowedOrigins, new URL(withScheme(publicUrl)).origin];
  }
  return options;
}
