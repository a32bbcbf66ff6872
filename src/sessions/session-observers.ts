import type { Principal } from '../auth/runner-auth.js';
import { attempt } from '../errors/attempt.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import type { SessionCall } from './session-state.js';
import type { Session } from './session.js';

/** The known facts of a start that came to nothing. */
export interface RefusedStart {
  /** Wire name of the transport that was asked for. */
  readonly transport?: string;
  readonly principal?: Principal;
  readonly call?: SessionCall;
  /** The session, where one had been opened. */
  readonly session?: Session;
}

/** An observer of sessions, called while things happen. Errors that it throws or rejects with are logged, and change nothing. */
export interface SessionObserver {
  /** A session was opened, or has changed its `state`. */
  changed?(session: Session): void;
  /** A start came to nothing, or a caller was not let in. */
  refused?(error: unknown, start: RefusedStart): void;
  /** Whatever is still under way is to be finished, for the application is about to close. Must not take for ever. */
  flush?(): Promise<void>;
  /** Runs the bot of a session, such as in a context of its own, and returns what `bot` does. */
  around?<T>(session: Session, bot: () => T): T;
}

/** The observers of the sessions of a runner. */
export class SessionObservers {
  private readonly observers: SessionObserver[] = [];

  add(observer: SessionObserver): void {
    this.observers.push(observer);
  }

  changed(session: Session): void {
    for (const observer of this.observers) attempt(() => observer.changed?.(session), logFailure);
  }

  /**
   * Reports a start or call that came to nothing: `SessionRegistry` reports those that it was asked for, and a caller those that it refuses before it asks.
   * @returns the error, to be thrown
   */
  refused(error: unknown, start: RefusedStart = {}): unknown {
    for (const observer of this.observers)
      attempt(() => observer.refused?.(error, start), logFailure);
    return error;
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
