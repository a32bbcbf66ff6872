import { Injectable } from '@nestjs/common';
import { SessionRegistry } from './session-registry.js';

/** Readiness of this instance for new sessions, for readiness probes and load balancers. */
@Injectable()
export class RunnerReadiness {
  constructor(private readonly sessions: SessionRegistry) {}

  /** Readiness status. `draining` is final, `overloaded` (by `loadFunction`) is temporary. */
  get status(): 'ready' | 'overloaded' | 'draining' {
    if (this.sessions.isDraining) return 'draining';
    return this.sessions.isOverloaded ? 'overloaded' : 'ready';
  }

  /**
   * True if new clients may be routed here. {@link atCapacity} does not count: an instance without traffic could not be reached by the clients of its
   * own sessions.
   */
  get isReady(): boolean {
    return this.status === 'ready';
  }

  /** @throws {RunnerError} `DRAINING` or `OVERLOADED` unless {@link isReady} */
  refuseUnlessReady(): void {
    const refusal = this.isReady ? undefined : this.sessions.refusal();
    if (refusal) throw refusal;
  }

  /** True when `maxSessions` is reached. */
  get atCapacity(): boolean {
    return this.sessions.isFull;
  }
}
