import { causedBy, isInstance } from './thrown.js';

/** Machine-readable error code. It determines the HTTP status and the WebSocket close code. */
export type RunnerErrorCode = keyof typeof STATUS_OF_CODE;

/** Code of a failed start; `UNEXPECTED` for any error that is no {@link RunnerError}. */
export type RefusalCode = RunnerErrorCode | 'UNEXPECTED';

/** HTTP status of each error code. */
const STATUS_OF_CODE = {
  BAD_REQUEST: 400,
  TRANSPORT_UNAVAILABLE: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  CALL_REFUSED: 403,
  DESTINATION_REFUSED: 403,
  UNKNOWN_SESSION: 404,
  NOT_FOUND: 404,
  WRONG_STATE: 409,
  TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  INVALID_FIELDS: 422,
  AT_CAPACITY: 429,
  CALL_LIMIT: 429,
  BOT_FAILED: 500,
  STORAGE_FAILED: 500,
  NO_PUBLIC_URL: 500,
  NO_BOT: 501,
  PROVIDER_REFUSED: 502,
  PROVIDER_UNREACHABLE: 502,
  DRAINING: 503,
  UNHEALTHY: 503,
  OVERLOADED: 503,
  NO_DECISION: 503,
  UPLOADS_OFF: 503,
  NOT_READY: 504,
  PROVIDER_TIMEOUT: 504,
  NO_ANSWER: 504,
  STORAGE_FULL: 507,
} as const;

/** Error codes of starting a session. */
export const START_ERRORS = [
  'TRANSPORT_UNAVAILABLE',
  'AT_CAPACITY',
  'NO_BOT',
  'PROVIDER_REFUSED',
  'PROVIDER_UNREACHABLE',
  'DRAINING',
  'OVERLOADED',
  'PROVIDER_TIMEOUT',
] as const satisfies RunnerErrorCode[];

/** Codes of temporary errors: a retry makes sense. */
const RETRYABLE: ReadonlySet<RunnerErrorCode> = new Set([
  'AT_CAPACITY',
  'DRAINING',
  'OVERLOADED',
  'NO_DECISION',
]);

/** Base class of the runner's errors. The message is safe for clients and says how to fix the error. */
export class RunnerError extends Error {
  override readonly name: string = 'RunnerError';

  constructor(
    readonly code: RunnerErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, causedBy(options));
  }

  /** HTTP status of the answer. */
  get status(): number {
    return STATUS_OF_CODE[this.code];
  }

  /** Machine-readable fields of the answer's body beside the message. */
  get details(): Record<string, unknown> | undefined {
    return undefined;
  }

  /** `Retry-After`, in seconds; `undefined` when a retry makes no sense. */
  get retryAfterSeconds(): number | undefined {
    return RETRYABLE.has(this.code) ? 5 : undefined;
  }
}

/** Returns the {@link RefusalCode} of a thrown value. */
export const refusalCodeOf = (error: unknown): RefusalCode =>
  isInstance(error, RunnerError) ? error.code : 'UNEXPECTED';
