import {
  anObject,
  type Check,
  checkOptions,
  MAX_TIMER_MS,
  withoutUndefined,
} from './validation/options.js';
import { checkKeys, type RunnerKey } from './auth/runner-key.js';

/** Options of the runner. Every option has a default. All are validated when the application starts. */
export interface RunnerOptions {
  /**
   * Public URL of this runner: a host name, or an `http(s)://` URL, with or without a path.
   * @default the `Host` and scheme of each request
   */
  publicUrl?: string;
  /**
   * Allowed origins of browsers (CORS and WebSocket), such as `https://app.example.com`. Case-insensitive. The origin of
   * {@link publicUrl} is added to a list that is not empty.
   * @default [] (every origin)
   */
  allowedOrigins?: string[];
  /**
   * Authentication of WebSockets. `token` requires a one-time token from `/start` or from the answer to a carrier's webhook.
   * @default 'none'
   */
  webSocketAuth?: 'none' | 'token';
  /**
   * Default `body` of WebSocket sessions that have none from `/start` or `?body=`.
   * @default {}
   */
  webSocketBody?: unknown;
  /**
   * Secret that signs WebSocket tokens, at least 16 characters.
   * @default random, new for each process
   */
  tokenSecret?: string;
  /**
   * Keys that start sessions and reach them (`/start`, `/sessions/:id/*`), as `Authorization: Bearer <key>`. Several keys allow
   * several clients and key rotation. With any public or private key, every route requires one.
   * @default []
   */
  publicKeys?: RunnerKey[];
  /**
   * Keys for everything, including listing, inspecting and stopping sessions.
   * @default []
   */
  privateKeys?: RunnerKey[];
  /** The only transport this instance accepts; also the default of `/start`. */
  onlyTransport?: string;
  /**
   * Transport of a `/start` that names none.
   * @default the only one there is, or else 'webrtc'
   */
  defaultTransport?: string;
  /**
   * Time-out of a pending session until its client connects, in milliseconds; also the lifetime of a token.
   * @default 300_000
   */
  pendingTtlMs?: number;
  /**
   * Limit of concurrent sessions of this instance, pending and running. Beyond it `/start` answers 429.
   * @default Infinity
   */
  maxSessions?: number;
  /**
   * Time-out of a `/start` that queues for a free slot, in milliseconds; then it answers 429. 0 disables the queue.
   * @default 0
   */
  startQueueMs?: number;
  /**
   * Limit of queued `/start` requests.
   * @default 100
   */
  maxQueuedStarts?: number;
  /**
   * Load of this instance, such as CPU or memory. While it reaches {@link loadThreshold}, new sessions are refused with 503. The last
   * value stays in force when the function throws or does not resolve.
   */
  loadFunction?: () => number | Promise<number>;
  /**
   * Load from which new sessions are refused.
   * @default 0.75
   */
  loadThreshold?: number;
  /**
   * Polling interval of `loadFunction`, in milliseconds after its last result.
   * @default 2_500
   */
  loadIntervalMs?: number;
  /**
   * Longest duration of a session, in milliseconds.
   * @default Infinity
   */
  maxSessionDurationMs?: number;
  /**
   * Time-out of a bot until it calls `session.ready()`, in milliseconds.
   * @default Infinity
   */
  readyTimeoutMs?: number;
  /**
   * Time-out of a bot until it returns after its signal aborted, in milliseconds; then its connection is closed.
   * @default 5_000
   */
  stopGraceMs?: number;
  /**
   * Graceful shutdown: the time that sessions and requests may go on, in milliseconds; then they are ended (`draining`). The
   * orchestrator's kill time-out must exceed this plus `stopGraceMs`. 0 is for development and tests.
   * @default 20_000
   */
  drainTimeoutMs?: number;
  /**
   * Time-out of a bot's answer to a request to `/sessions/:id/*`, in milliseconds, without the answer's body.
   * @default 30_000
   */
  sessionRequestTimeoutMs?: number;
  /**
   * Time-out of the host's `callRouter`, in milliseconds; then the caller is told that all lines are busy. Carriers wait for about
   * 15 seconds.
   * @default 5_000
   */
  callRouterTimeoutMs?: number;
  /**
   * Time-out of one call of the host's `sessionHooks`, in milliseconds. Shutdown waits as long for pending calls, after the last
   * session.
   * @default 10_000
   */
  sessionHookTimeoutMs?: number;
  /**
   * Limit of ended sessions that `GET /sessions` lists.
   * @default 500
   */
  sessionHistory?: number;
  /**
   * Largest HTTP request body, in bytes. A larger one is answered with 413.
   * @default 1_048_576
   */
  bodyLimitBytes?: number;
  /**
   * Time-out of receiving a request body, in milliseconds; then it is answered with 400. It does not apply to bodies that a bot reads
   * itself at `/sessions/:id/*`.
   * @default 30_000
   */
  bodyTimeoutMs?: number;
  /**
   * Largest WebSocket message, in bytes. A larger one closes the socket with 1009.
   * @default 1_048_576
   */
  maxPayloadBytes?: number;
  /**
   * Time-out of a peer's answer to a WebSocket close, in milliseconds; then the connection is cut.
   * @default 2_000
   */
  closeTimeoutMs?: number;
  /** Value of the bots' `args.cli_args`; the flags of the standalone runner. */
  cliArgs?: Record<string, unknown>;
}

/** {@link RunnerOptions} with every default filled in. */
export type ResolvedRunnerOptions = Required<Omit<RunnerOptions, OptionsWithoutDefault>> &
  Pick<RunnerOptions, OptionsWithoutDefault>;

type OptionsWithoutDefault =
  | 'publicUrl'
  | 'webSocketBody'
  | 'tokenSecret'
  | 'onlyTransport'
  | 'defaultTransport'
  | 'loadFunction'
  | 'cliArgs';

/** DI token of the {@link ResolvedRunnerOptions}. */
export const RUNNER_OPTIONS = Symbol('RUNNER_OPTIONS');

/** Options that shape the module, known before an options factory runs. */
export const EXTRAS = [
  'name',
  'launcher',
  'auth',
  'callRouter',
  'callLimits',
  'sessionHooks',
  'uploads',
  'fileStorage',
  'imports',
  'transports',
  'features',
  'path',
  'console',
  'health',
  'isGlobal',
] as const;

const DEFAULTS = {
  allowedOrigins: [] as string[],
  webSocketAuth: 'none',
  publicKeys: [] as RunnerKey[],
  privateKeys: [] as RunnerKey[],
  pendingTtlMs: 300_000,
  maxSessions: Infinity,
  startQueueMs: 0,
  maxQueuedStarts: 100,
  loadThreshold: 0.75,
  loadIntervalMs: 2_500,
  maxSessionDurationMs: Infinity,
  readyTimeoutMs: Infinity,
  stopGraceMs: 5_000,
  drainTimeoutMs: 20_000,
  sessionRequestTimeoutMs: 30_000,
  callRouterTimeoutMs: 5_000,
  sessionHookTimeoutMs: 10_000,
  sessionHistory: 500,
  bodyLimitBytes: 1_048_576,
  bodyTimeoutMs: 30_000,
  maxPayloadBytes: 1_048_576,
  closeTimeoutMs: 2_000,
} as const satisfies Partial<RunnerOptions>;

const durationMs =
  ({ min, infinite }: { min: number; infinite: boolean }): Check =>
  (value) =>
    typeof value === 'number' &&
    value >= min &&
    (value <= MAX_TIMER_MS || (infinite && value === Infinity))
      ? undefined
      : `must be a number of milliseconds from ${min} to ${MAX_TIMER_MS}${infinite ? ', or Infinity' : ''}`;

const count =
  (min: number, infinite: boolean): Check =>
  (value) =>
    (Number.isSafeInteger(value) && (value as number) >= min) || (infinite && value === Infinity)
      ? undefined
      : `must be a whole number of at least ${min}${infinite ? ', or Infinity' : ''}`;

const longText =
  (minLength: number): Check =>
  (value) =>
    typeof value === 'string' && value.length >= minLength
      ? undefined
      : `must be a string of at least ${minLength} character${minLength === 1 ? '' : 's'}`;

/** Validates {@link RunnerOptions.publicUrl}. */
export const checkPublicUrl: Check = (value) =>
  typeof value === 'string' &&
  /^(https?:\/\/)?(?![a-z][\w+.-]*:\/\/)[^\s/?#]+(\/[^\s?#]*)?$/i.test(value) &&
  URL.canParse(withScheme(value))
    ? undefined
    : 'must be a host name such as bot.example.com, or an http(s):// URL without query';

const withScheme = (publicUrl: string): string =>
  publicUrl.includes('://') ? publicUrl : `https://${publicUrl}`;

const CHECKS: Record<keyof RunnerOptions, Check> = {
  publicUrl: checkPublicUrl,
  allowedOrigins: (value) =>
    Array.isArray(value) &&
    value.every((o) => typeof o === 'string' && /^[a-z][a-z0-9+.-]*:\/\/[^\s/]+$/i.test(o))
      ? undefined
      : 'must be a list of origins such as https://app.example.com (scheme and host, no path)',
  webSocketAuth: (value) =>
    value === 'none' || value === 'token' ? undefined : "must be 'none' or 'token'",
  webSocketBody: (value) => {
    try {
      structuredClone(value);
      return undefined;
    } catch {
      return 'must be data, such as JSON has it';
    }
  },
  tokenSecret: longText(16),
  publicKeys: checkKeys,
  privateKeys: checkKeys,
  onlyTransport: longText(1),
  defaultTransport: longText(1),
  pendingTtlMs: durationMs({ min: 1, infinite: false }),
  maxSessions: count(1, true),
  startQueueMs: durationMs({ min: 0, infinite: false }),
  maxQueuedStarts: count(1, false),
  loadFunction: (value) => (typeof value === 'function' ? undefined : 'must be a function'),
  loadThreshold: (value) =>
    typeof value === 'number' && value > 0 ? undefined : 'must be a number above 0',
  loadIntervalMs: durationMs({ min: 1, infinite: false }),
  maxSessionDurationMs: durationMs({ min: 1, infinite: true }),
  readyTimeoutMs: durationMs({ min: 1, infinite: true }),
  stopGraceMs: durationMs({ min: 0, infinite: false }),
  drainTimeoutMs: durationMs({ min: 0, infinite: false }),
  sessionRequestTimeoutMs: durationMs({ min: 1, infinite: false }),
  callRouterTimeoutMs: durationMs({ min: 1, infinite: false }),
  sessionHookTimeoutMs: durationMs({ min: 1, infinite: false }),
  sessionHistory: count(0, false),
  bodyLimitBytes: count(1, false),
  bodyTimeoutMs: durationMs({ min: 1, infinite: false }),
  maxPayloadBytes: count(1, false),
  closeTimeoutMs: durationMs({ min: 0, infinite: false }),
  cliArgs: anObject,
};

const ASYNC = ['useFactory', 'useClass', 'useExisting', 'inject', 'provideInjectionTokensFrom'];
const ASYNC_CHECKS: Record<string, Check> = {
  ...checkEach([...ASYNC, ...EXTRAS], () => undefined),
  ...checkEach(Object.keys(CHECKS), () => 'belongs into what useFactory returns'),
};

function checkEach(names: readonly string[], check: Check): Record<string, Check> {
  return Object.fromEntries(names.map((name) => [name, check]));
}

/**
 * Checks the names of what `forRootAsync` is given, of which Nest passes over those that it does not know.
 * @throws {InvalidOptionsError}
 */
export const checkAsyncOptions = (options: object): void =>
  checkOptions('RunnerModule', options, ASYNC_CHECKS);

/**
 * Fills in the defaults.
 * @throws {InvalidOptionsError} naming every invalid option, and what is accepted
 */
export function resolveRunnerOptions(options: RunnerOptions = {}): ResolvedRunnerOptions {
  checkOptions('RunnerModule', options, CHECKS as Record<string, Check>, EXTRAS);
  const given = withoutUndefined(options);
  const { allowedOrigins = [], publicUrl } = given;
  return {
    ...DEFAULTS,
    ...given,
    // Pages on the runner's own origin, such as its console, are always allowed.
    allowedOrigins:
      allowedOrigins.length > 0 && publicUrl !== undefined
        ? [...allowedOrigins, new URL(withScheme(publicUrl)).origin]
        : allowedOrigins,
  };
}
