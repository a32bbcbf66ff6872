import { causedBy, isInstance } from './thrown.js';

/** What went wrong, for programs; the HTTP status and the WebSocket close code follow from it. */
export type RunnerErrorCode = keyof typeof STATUS_OF_CODE;

/** The code of a start that came to nothing; `UNEXPECTED` is an error that the runner has no code for. */
export type RefusalCode = RunnerErrorCode | 'UNEXPECTED';

/** CONTRACT "Errors": which HTTP status stands for which failure. */
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
  NO_PUBLIC_URL: 500,
  NO_BOT: 501,
  PROVIDER_REFUSED: 502,
  PROVIDER_UNREACHABLE: 502,
  DRAINING: 503,
  UNHEALTHY: 503,
  OVERLOADED: 503,
  NO_DECISION: 503,
  NOT_READY: 504,
  PROVIDER_TIMEOUT: 504,
  NO_ANSWER: 504,
} as const;

/** What the start of a session may end in, whoever starts it. */
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

/** What passes by itself. */
const TRY_AGAIN: ReadonlySet<RunnerErrorCode> = new Set([
  'AT_CAPACITY',
  'DRAINING',
  'OVERLOADED',
  'NO_DECISION',
]);

/** Every error the runner raises on purpose. Its message is safe to show to a client and says how to fix it. */
export class RunnerError extends Error {
  override readonly name: string = 'RunnerError';

  constructor(
    readonly code: RunnerErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, causedBy(options));
  }

  /** The HTTP status this error is answered with. */
  get status(): number {
    return STATUS_OF_CODE[this.code];
  }

  /** What the answer's body says beside the message, for programs. */
  get details(): Record<string, unknown> | undefined {
    return undefined;
  }

  /** Seconds after which trying again makes sense (the `Retry-After` header), where it does at all. */
  get retryAfterSeconds(): number | undefined {
    return TRY_AGAIN.has(this.code) ? 5 : undefined;
  }
}

/** The {@link RefusalCode} of whatever was thrown. */
export const refusalCodeOf = (error: unknown): RefusalCode =>
  isInstance(error, RunnerError) ? error.code : 'UNEXPECTED';
