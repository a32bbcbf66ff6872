import type { Principal } from '../auth/runner-auth.js';
import { attempt } from '../errors/attempt.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import type { SessionCall } from './session-state.js';
import type { Session } from './session.js';

/** Details of a refused start. */
export interface RefusedStart {
  /** Wire name of the requested transport. */
  readonly transport?: string;
  readonly principal?: Principal;
  readonly call?: SessionCall;
  /** The session, if one was opened. */
  readonly session?: Session;
}

/** Observer of sessions, called synchronously. Its errors are logged and have no effect. */
export interface SessionObserver {
  /** Called when a session was opened, or its `state` has changed. */
  changed?(session: Session): void;
  /** Called when a start failed or a client was refused. */
  refused?(error: unknown, start: RefusedStart): void;
  /**
   * Called when the event loop was held for `blockedLoopWarnMs` or longer.
   * @param byBot true when a bot of this runner did it; otherwise it may as well have been the host
   */
  loopHeld?(ms: number, byBot: boolean): void;
  /** Flushes pending work before the application closes, within bounded time. */
  flush?(): Promise<void>;
  /** W3C trace context that is active now, for a session that another node serves. */
  readonly traceparent?: string;
  /** Wraps the run of a session's bot, such as in an async context, and returns the result of `bot`. */
  around?<T>(session: Session, bot: () => T): T;
}

/** Observers of a runner's sessions. */
export class SessionObservers {
  private readonly observers: SessionObserver[] = [];

  add(observer: SessionObserver): void {
    this.observers.push(observer);
  }

  changed(session: Session): void {
    for (const observer of this.observers) attempt(() => observer.changed?.(session), logFailure);
  }

  /**
   * Reports a refused start or call. `SessionRegistry` reports its own refusals; its users report those before they call it.
   * @returns the error, to be thrown
   */
  refused(error: unknown, start: RefusedStart = {}): unknown {
    for (const observer of this.observers)
      attempt(() => observer.refused?.(error, start), logFailure);
    return error;
  }

  loopHeld(ms: number, byBot: boolean): void {
    for (const observer of this.observers)
      attempt(() => observer.loopHeld?.(ms, byBot), logFailure);
  }

  /** The trace context of the first observer that has one. */
  get traceparent(): string | undefined {
    return this.observers.map(({ traceparent }) => traceparent).find((one) => one !== undefined);
  }

  async flush(): Promise<void> {
    await Promise.all(
      this.observers.map(async (observer) => {
        try {
          await observer.flush?.();
        } catch (thrown) {
          logFailure(thrown);
        }
      }),
    );
  }

  around<T>(session: Session, bot: () => T): T {
    return this.observers.reduce<() => T>(
      (run, observer) => (observer.around ? () => observer.around!(session, run) : run),
      bot,
    )();
  }
}

const logFailure = (thrown: unknown): void =>
  new RunnerLogger('PipecatRunner').error(
    `an observer of sessions threw: ${textOfThrown(thrown).text}`,
  );
