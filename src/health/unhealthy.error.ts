import { RunnerError } from '../errors/runner.error.js';

/** A failing readiness check. */
export interface FailingCheck {
  readonly name: string;
  /** Reason, if it is safe for clients. */
  readonly reason?: string;
}

/** Error of the readiness probe. */
export class UnhealthyError extends RunnerError {
  override readonly name = 'UnhealthyError';

  constructor(private readonly failing: readonly FailingCheck[]) {
    super(
      'UNHEALTHY',
      failing.map(({ name, reason }) => `${name}: ${reason ?? 'the check failed'}`).join(' '),
    );
  }

  override get details(): Record<string, unknown> {
    return { failing: this.failing.map(({ name }) => name) };
  }
}
