import { SessionEnd, type SessionEndCode } from '../bot/session-end.js';
import { RunnerError, type RunnerErrorCode } from '../errors/runner.error.js';
import { fieldOf, isInstance } from '../errors/thrown.js';

/** Close code and reason of a WebSocket. */
export interface SocketClose {
  /** Close code from RFC 6455, or from the application range 4000 to 4999. */
  readonly code: number;
  /** Close reason, at most 123 bytes. */
  readonly reason: string;
}

const OF_END: Record<SessionEndCode, number> = {
  completed: 1000,
  peer_left: 1000,
  stopped: 1000,
  too_long: 1000,
  draining: 1001,
  peer_error: 1008,
  failed: 1011,
  start_failed: 1011,
  not_ready: 1011,
  expired: 4003,
  lost: 1011,
};

const OF_ERROR: Partial<Record<RunnerErrorCode, number>> = {
  BAD_REQUEST: 1008,
  TRANSPORT_UNAVAILABLE: 1008,
  AT_CAPACITY: 1013,
  OVERLOADED: 1013,
  DRAINING: 1001,
  UNAUTHORIZED: 4003,
  FORBIDDEN: 4003,
};

const FAILED: SocketClose = { code: 1011, reason: 'the runner failed' };

/** Maps session ends and errors to close codes; the only place that does. Unexpected errors keep their text private. */
export function closeFor(cause: unknown): SocketClose {
  // A failed start is closed like a refused connection.
  if (isInstance(cause, SessionEnd) && cause.code === 'start_failed') {
    const error: unknown = cause.cause;
    if (isInstance(error, RunnerError) && Object.hasOwn(OF_ERROR, error.code)) {
      return closeFor(error);
    }
  }
  const codes: Partial<Record<string, number>> | undefined = isInstance(cause, SessionEnd)
    ? OF_END
    : isInstance(cause, RunnerError)
      ? OF_ERROR
      : undefined;
  const [code, message] = [fieldOf(cause, 'code'), fieldOf(cause, 'message')];
  if (!codes || typeof code !== 'string' || typeof message !== 'string') return FAILED;
  const own = Object.hasOwn(codes, code) ? codes[code] : undefined;
  return { code: own ?? FAILED.code, reason: shorten(message) };
}

/** Cuts a text to the size of a close frame, at a character boundary. */
function shorten(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= 123) return text;
  let end = 120;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return `${bytes.subarray(0, end).toString()}…`;
}
