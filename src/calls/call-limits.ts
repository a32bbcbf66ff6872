/** A call that is about to be placed. */
export interface PlannedCall {
  /** The `id` of the call's principal; `undefined` when it has none. */
  readonly tenant: string | undefined;
  /** Wire name of the carrier. */
  readonly carrier: string;
  /** The number to be called, in E.164, or a SIP URI. */
  readonly to: string;
  readonly from: string;
  /** Ends the call as `too_long`, for a limit that is reached while it lasts. May be called once it is answered. */
  readonly end: (message: string) => void;
}

/** A call that is about to be put through to somebody else. */
export interface PlannedTransfer {
  /** The `id` of the session's principal; `undefined` when it has none. */
  readonly tenant: string | undefined;
  readonly carrier: string;
  readonly to: string;
}

/** The share of its limits that a call holds. */
export interface CallReservation {
  /** The call was answered: its minutes count from now on. Called at most once. */
  answered(): void | Promise<void>;
  /** The call is over, or was never answered. Called once; waited for when the application shuts down. */
  ended(): void | Promise<void>;
}

/**
 * The limits of outbound calls and transfers, and the DI token under which the runner finds them:
 * `RunnerModule.forRoot({ callLimits: … })`. `OutboundCalls` asks it before it places a call, and `transport.transfer()` before a call is
 * transferred. The one there is counts in memory ({@link InMemoryCallLimits}); several instances that share their limits, or limits that must
 * outlive a restart, take one that counts in a database.
 */
export abstract class CallLimits {
  /**
   * Reserves what a call takes, in one step, so that two calls can never share the last place.
   * @throws {CallLimitError} when it may not be placed
   */
  abstract reserve(call: PlannedCall): CallReservation | Promise<CallReservation>;

  /**
   * Says whether a call may be put through to somebody. Without it a caller who talks a bot into it could have it dial expensive numbers.
   * @throws {CallLimitError} when it may not
   */
  checkTransfer(_transfer: PlannedTransfer): void | Promise<void> {}
}
