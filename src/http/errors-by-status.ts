import { STATUS_CODES } from 'node:http';
import { RunnerError, type RunnerErrorCode } from '../errors/runner.error.js';

/** What one status of a route stands for. */
export interface StatusErrors {
  readonly status: number;
  readonly description: string;
  /** Whether the answer may say when to try again. */
  readonly saysWhen: boolean;
}

/** The statuses that errors are answered with, of which several may share one. */
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
