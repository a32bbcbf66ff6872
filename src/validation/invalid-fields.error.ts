import { RunnerError } from '../errors/runner.error.js';

/** Validation error of one field. */
export interface InvalidField {
  /** Dotted path, such as `dialin_settings.call_id`; empty for the value as a whole. */
  readonly field: string;
  /** Accepted values. */
  readonly message: string;
}

/** Validation error of a value. The message names each invalid field, but no values. */
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
