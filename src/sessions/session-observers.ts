import { Logger } from '@nestjs/common';
import type { Caller } from '../auth/runner-auth.js';
import type { Session, SessionCall } from './session.js';

/** What is known of a start that came to nothing. */
export interface RefusedStart {
  /** Wire name of the transport that was asked for. */
  readonly transport?: string;
  readonly caller?: Caller;
  readonly call?: SessionCall;
  /** The session, where one had been opened. */
  readonly session?: Session;
}

/** Is told what becomes of sessions, while it happens. What it throws is logged, and changes nothing. */
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

/** Everyone who watches the sessions of a runner. */
export class SessionObservers {
  private readonly observers: SessionObserver[] = [];
  private readonly told = new WeakSet<object>();

  add(observer: SessionObserver): void {
    this.observers.push(observer);
  }

  changed(session: Session): void {
    for (const observer of this.observers) safely(() => observer.changed?.(session));
  }

  /** Told once of each error, however many it passes on its way out. @returns the error, to be thrown */
  refused(error: unknown, start: RefusedStart = {}): unknown {
    if (error instanceof Error) {
      if (this.told.has(error)) return error;
      this.told.add(error);
    }
    for (const observer of this.observers) safely(() => observer.refused?.(error, start));
    return error;
  }

  async flush(): Promise<void> {
    await Promise.all(this.observers.map(async (observer) => observer.flush?.().catch(report)));
  }

  around<T>(session: Session, bot: () => T): T {
    return this.observers.reduce<() => T>(
      (run, observer) => (observer.around ? () => observer.around!(session, run) : run),
      bot,
    )();
  }
}

function safely(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    report(error);
  }
}

const report = (error: unknown): void =>
  new Logger('PipecatRunner').error(`an observer of sessions threw: ${String(error)}`);
