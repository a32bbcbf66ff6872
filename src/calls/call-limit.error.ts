import { RunnerError } from '../errors/runner.error.js';

/** Which limit a call would exceed: how many at once, how many minutes, or where to. */
export type CallLimitKind = 'calls' | 'minutes' | 'destination';

/** A call that is not placed, or not transferred, because of a limit. `DESTINATION_REFUSED` (403) for a destination, else `CALL_LIMIT` (429). */
export class CallLimitError extends RunnerError {
  override readonly name = 'CallLimitError';

  constructor(
    readonly limit: CallLimitKind,
    message: string,
  ) {
    super(limit === 'destination' ? 'DESTINATION_REFUSED' : 'CALL_LIMIT', message);
  }

  override get details(): Record<string, unknown> {
    return { limit: this.limit };
  }
}
