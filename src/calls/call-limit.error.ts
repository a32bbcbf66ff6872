import { RunnerError } from '../errors/runner.error.js';

/** Exceeded limit: concurrent calls, minutes, or the destination. */
export type CallLimitKind = 'calls' | 'minutes' | 'destination';

/** A call refused by a limit, when placed or transferred. `DESTINATION_REFUSED` (403) for a destination, else `CALL_LIMIT` (429). */
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
