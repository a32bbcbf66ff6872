import { RunnerError } from '../errors/runner.error.js';

/** One field that cannot be accepted. */
export interface InvalidField {
  /** Dotted path, such as `dialin_settings.call_id`; empty for the value as a whole. */
  readonly field: string;
  /** What is accepted there. */
  readonly message: string;
}

/** A value whose fields cannot be accepted. The message names each of them, but never their values. */
export class InvalidFieldsError extends RunnerError {
  override readonly name = 'InvalidFieldsError';

  constructor(readonly errors: readonly InvalidField[]) {
    super(
      'INVALID_FIELDS',
      errors.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join('; '),
    );
  }

  override get details(): Record<string, unknown> {
    return { errors: this.errors };
  }
}
