import { Injectable } from '@nestjs/common';
import { SessionRegistry } from './session-registry.js';

/** True if this instance takes new sessions, for readiness probes and load balancers. */
@Injectable()
export class RunnerReadiness {
  constructor(private readonly sessions: SessionRegistry) {}

  /** `draining` is for good, `overloaded` (by `loadFunction`) passes. */
  get status(): 'ready' | 'overloaded' | 'draining' {
    if (this.sessions.isDraining) return 'draining';
    return this.sessions.isOverloaded ? 'overloaded' : 'ready';
  }

  /**
   * Whether new callers should be sent here. Being {@link atCapacity} does not count: an instance that gets no traffic when it is full could
   * not be reached by those whose sessions fill it.
   */
  get isReady(): boolean {
    return this.status === 'ready';
  }

  /** @throws {RunnerError} `DRAINING` or `OVERLOADED`, unless {@link isReady} */
  refuseUnlessReady(): void {
    const refusal = this.isReady ? undefined : this.sessions.refusal();
    if (refusal) throw refusal;
  }

  /** True if `maxSessions` are taken. */
  get atCapacity(): boolean {
    return this.sessions.isFull;
  }
}
