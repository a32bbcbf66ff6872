import { RunnerError } from '../errors/runner.error.js';

/** Something that has to work before new sessions can start, and does not. */
export interface FailingCheck {
  readonly name: string;
  /** Why, where that is safe to show. */
  readonly reason?: string;
}

/** The runner cannot take new sessions for now. */
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
