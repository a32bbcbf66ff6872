import {
  anObject,
  type Check,
  checkOptions,
  MAX_TIMER_MS,
  withoutUndefined,
} from './validation/options.js';
import { checkKeys, type RunnerKey } from './auth/runner-key.js';

/** How the runner behaves. Every option has a default; all are validated when the application starts. */
export interface RunnerOptions {
  /**
   * Where the outside world reaches this runner: a host name, or an `http(s)://` URL, with or without a path.
   * @default the `Host` and scheme of each request
   */
  publicUrl?: string;
  /**
   * Origins that browsers may call from (CORS and WebSocket), compared case-insensitively, such as `https://app.example.com`; where there are
   * any, that of {@link publicUrl} is one of them.
   * @default [] (every origin)
   */
  allowedOrigins?: string[];
  /**
   * `token`: a WebSocket is accepted only with a one-time token from `/start` or from a carrier's webhook answer.
   * @default 'none'
   */
  webSocketAuth?: 'none' | 'token';
  /**
   * What bots find in their `body` when somebody connects to a WebSocket without one: neither from `/start` nor as `?body=`.
   * @default {}
   */
  webSocketBody?: unknown;
  /**
   * The secret that signs WebSocket tokens, at least 16 characters.
   * @default random, new for each process
   */
  tokenSecret?: string;
  /**
   * Keys that start sessions and reach them (`/start`, `/sessions/:id/*`), as `Authorization: Bearer <key>`. Several are for several clients,
   * and for changing them without a break. With any key, public or private, no route is open any more.
   * @default []
   */
  publicKeys?: RunnerKey[];
  /**
   * Keys that may do everything: also list, inspect and stop sessions.
   * @default []
   */
  privateKeys?: RunnerKey[];
  /** The only transport this instance accepts; also the default of `/start`. */
  onlyTransport?: string;
  /**
   * The transport of a `/start` that names none.
   * @default the only one there is, or else 'webrtc'
   */
  defaultTransport?: string;
  /**
   * How long a session announced by `/start` waits for its caller, in milliseconds; also a token's lifetime.
   * @default 300_000
   */
  pendingTtlMs?: number;
  /**
   * How many sessions (waiting and running) this instance holds at once; one more is refused with 429.
   * @default Infinity
   */
  maxSessions?: number;
  /**
   * How long a `/start` waits for a place when all are taken, in milliseconds, before it is refused with 429. 0 is not at all.
   * @default 0
   */
  startQueueMs?: number;
  /**
   * How many may wait for a place at once.
   * @default 100
   */
  maxQueuedStarts?: number;
  /**
   * How busy this instance is, as a number that {@link loadThreshold} is compared with: CPU, memory, licences. While it is too high, new
   * sessions are refused with 503. If it throws, or never resolves, what was last known stands.
   */
  loadFunction?: () => number | Promise<number>;
  /**
   * The load from which on no new sessions are taken.
   * @default 0.75
   */
  loadThreshold?: number;
  /**
   * How often `loadFunction` is asked, in milliseconds after its last answer.
   * @default 2_500
   */
  loadIntervalMs?: number;
  /**
   * The longest a conversation may last, in milliseconds.
   * @default Infinity
   */
  maxSessionDurationMs?: number;
  /**
   * How long a bot may take to call `session.ready()`, in milliseconds.
   * @default Infinity
   */
  readyTimeoutMs?: number;
  /**
   * How long a bot may take to return after its signal aborted; then its connection is closed under it. Milliseconds.
   * @default 5_000
   */
  stopGraceMs?: number;
  /**
   * The time that conversations, and requests that are being answered, may go on when the application shuts down, in milliseconds; then they are
   * ended (`draining`). Whoever kills the process must be more patient than this and `stopGraceMs` together. In development and tests, 0 waits for nobody.
   * @default 20_000
   */
  drainTimeoutMs?: number;
  /**
   * How long a bot may take to answer a request to `/sessions/:id/*`, in milliseconds; its body may take longer.
   * @default 30_000
   */
  sessionRequestTimeoutMs?: number;
  /**
   * The longest decision of the host's `callRouter` about a call, in milliseconds; then the caller is told that all lines are busy.
   * Carriers wait for about 15 seconds.
   * @default 5_000
   */
  callRouterTimeoutMs?: number;
  /**
   * The time-out of one call of the host's `sessionHooks`, in milliseconds. When the application shuts down those under way are waited for as
   * long, after the last session.
   * @default 10_000
   */
  sessionHookTimeoutMs?: number;
  /**
   * How many ended sessions `GET /sessions` remembers.
   * @default 500
   */
  sessionHistory?: number;
  /**
   * The largest HTTP request body, in bytes; a larger one is refused with 413.
   * @default 1_048_576
   */
  bodyLimitBytes?: number;
  /**
   * How long a request body may take to come in, in milliseconds; then it is refused with 400. What a bot reads itself at `/sessions/:id/*`
   * may take longer.
   * @default 30_000
   */
  bodyTimeoutMs?: number;
  /**
   * The largest WebSocket message, in bytes; a larger one closes the socket with 1009.
   * @default 1_048_576
   */
  maxPayloadBytes?: number;
  /**
   * How long a peer may take to answer a WebSocket close before its connection is cut, in milliseconds.
   * @default 2_000
   */
  closeTimeoutMs?: number;
  /** What bots find in `args.cli_args`; the standalone runner puts its flags there. */
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

/** The options that shape the module. They are known before any other is computed. */
export const EXTRAS = [
  'name',
  'launcher',
  'auth',
  'callRouter',
  'callLimits',
  'sessionHooks',
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

/** Checks a public URL or host name, as {@link RunnerOptions.publicUrl} takes it. */
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
      // As each session gets it.
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
 * @throws {InvalidOptionsError} naming every option that cannot be used, and why
 */
export function resolveRunnerOptions(options: RunnerOptions = {}): ResolvedRunnerOptions {
  checkOptions('RunnerModule', options, CHECKS as Record<string, Check>, EXTRAS);
  const given = withoutUndefined(options);
  const { allowedOrigins = [], publicUrl } = given;
  return {
    ...DEFAULTS,
    ...given,
    // Pages that are at home where the runner is, such as its console, are no strangers.
    allowedOrigins:
      allowedOrigins.length > 0 && publicUrl !== undefined
        ? [...allowedOrigins, new URL(withScheme(publicUrl)).origin]
        : allowedOrigins,
  };
}
