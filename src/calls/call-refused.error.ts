import { RunnerError } from '../errors/runner.error.js';
import type { CallRefusal } from './call-router.js';

/** A call refused by the host's `CallRouter`. */
export class CallRefusedError extends RunnerError {
  override readonly name = 'CallRefusedError';

  constructor(readonly refusal: CallRefusal) {
    super('CALL_REFUSED', 'The call was refused.');
  }
}
