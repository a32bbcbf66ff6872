import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { isInstance } from '../errors/thrown.js';
import type { ErrorBody } from './dto/error-body.dto.js';

/** HTTP answer for an error. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: ErrorBody;
  /** True for an error that nobody raised on purpose, which is logged. */
  readonly unexpected: boolean;
}

/** Maps errors to HTTP; the only place that does. Unexpected errors keep their text private. */
export function toErrorAnswer(error: unknown): ErrorAnswer {
  try {
    const known = knownAnswer(error);
    if (known && canBeSent(known)) return known;
  } catch {
    // Accessors of a host's subclass may throw.
  }
  return { ...answer(500, 'The runner failed unexpectedly; its log says why.'), unexpected: true };
}

/** Returns the answer for an error that was raised on purpose. */
function knownAnswer(error: unknown): ErrorAnswer | undefined {
  if (isInstance(error, RunnerError)) {
    const retryAfter = error.retryAfterSeconds;
    return {
      ...answer(error.status, error.message, { code: error.code, ...error.details }),
      headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
    };
  }
  if (isInstance(error, HttpException)) {
    const status = error.getStatus();
    // Such as @nestjs/throttler's rate limit; its code differs from AT_CAPACITY.
    const extra = status === 429 ? { code: 'RATE_LIMITED' } : {};
    return answer(status, httpExceptionDetail(error), extra);
  }
  return undefined;
}

/** True for a valid answer. @throws for a body that cannot be serialised as JSON */
function canBeSent({ status, body }: ErrorAnswer): boolean {
  JSON.stringify(body);
  return Number.isInteger(status) && status >= 200 && status <= 599;
}

function answer(status: number, detail: string, extra: Record<string, unknown> = {}): ErrorAnswer {
  const error = STATUS_CODES[status] ?? 'Error';
  return {
    status,
    headers: {},
    body: { statusCode: status, error, message: detail, detail, ...extra },
    unexpected: false,
  };
}

/** Returns the message of an exception from a host's guard or interceptor, as one line. */
function httpExceptionDetail(exception: HttpException): string {
  const response = exception.getResponse();
  const message =
    typeof response === 'string' ? response : (response as { message?: unknown }).message;
  if (Array.isArray(message)) return message.join('; ');
  return typeof message === 'string' ? message : exception.message;
}
