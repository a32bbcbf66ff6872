import { RunnerError } from '../errors/runner.error.js';

/** An outbound call before it is placed. */
export interface PlannedCall {
  /** `id` of the call's principal; `undefined` without one. */
  readonly tenant: string | undefined;
  /** Wire name of the carrier. */
  readonly carrier: string;
  /** Called number in E.164, or a SIP URI. */
  readonly to: string;
  readonly from: string;
  /** Ends the answered call as `too_long`, when a limit is reached during the call. */
  readonly end: (message: string) => void;
}

/** A transfer before it is executed. */
export interface PlannedTransfer {
  /** `id` of the session's principal; `undefined` without one. */
  readonly tenant: string | undefined;
  readonly carrier: string;
  readonly to: string;
}

/** Reservation of a call within the limits. */
export interface CallReservation {
  /** Starts counting minutes. Called at most once, when the call is answered. */
  answered(): void | Promise<void>;
  /** Releases the reservation. Called once, also for a call that was not answered; awaited at graceful shutdown. */
  ended(): void | Promise<void>;
}

/**
 * Limits of outbound calls and transfers, and their DI token: `RunnerModule.forRoot({ callLimits: … })`. Asked by `OutboundCalls` before a call is
 * placed, and by `transport.transfer()` before a call is transferred. {@link InMemoryCallLimits} counts in memory; limits that are shared by
 * instances or outlive a restart need an implementation with a database.
 */
export abstract class CallLimits {
  /**
   * Reserves the resources of a call atomically, so that two calls never share the last slot.
   * @throws {CallLimitError} when a limit is reached
   */
  abstract reserve(call: PlannedCall): CallReservation | Promise<CallReservation>;

  /**
   * Checks a transfer. Without a check, a caller could talk the bot into dialling expensive numbers (toll fraud).
   * @throws {CallLimitError} when it is refused
   */
  checkTransfer(_transfer: PlannedTransfer): void | Promise<void> {}
}

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
