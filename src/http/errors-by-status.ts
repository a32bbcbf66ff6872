import { STATUS_CODES } from 'node:http';
import { RunnerError, type RunnerErrorCode } from '../errors/runner.error.js';

/** Errors of a route with the same status. */
export interface StatusErrors {
  readonly status: number;
  readonly description: string;
  /** True when the answer may have `Retry-After`. */
  readonly saysWhen: boolean;
}

/** Groups error codes by HTTP status. */
export function errorsByStatus(codes: readonly RunnerErrorCode[]): StatusErrors[] {
  const errors = [...new Set(codes)].map((code) => new RunnerError(code, ''));
  return [...new Set(errors.map(({ status }) => status))].map((status) => {
    const same = errors.filter((error) => error.status === status);
    return {
      status,
      description: `${STATUS_CODES[status]}: ${same.map(({ code }) => code).join(', ')}`,
      saysWhen: same.some(({ retryAfterSeconds }) => retryAfterSeconds !== undefined),
    };
  });
}
