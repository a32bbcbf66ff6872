import type { PassingObserver } from '../http/fleet-router/peers.js';

/** Observer of a fleet's work, for metrics. Called synchronously; must not throw. */
export interface FleetObserver extends PassingObserver {
  /** Called when the directory has answered an operation. @param ms from its beginning, with a second try */
  answered(operation: string, ms: number): void;
  /** Called for each try that the directory did not answer. */
  missed(operation: string, kind: 'timeout' | 'connection' | 'error'): void;
  /** Called when this node has taken the bot of a room. @param ms since it was handed over, by the clock of the directory */
  dispatched(ms: number): void;
  /** Called when this node has given up the sessions of a silent one. */
  lost(sessions: number): void;
}

/** Counts of the fleet, of the last heartbeat, and the state of this node's link to it. */
export interface FleetGauges {
  readonly nodes: Readonly<Record<'ready' | 'overloaded' | 'draining' | 'silent', number>>;
  readonly sessions: Readonly<Record<'waiting' | 'active' | 'lost', number>>;
  /** True while Redis does not answer. */
  readonly isDegraded: boolean;
  /** Time since the last heartbeat that was answered was sent, in milliseconds. */
  readonly leaseAgeMs: number;
}
