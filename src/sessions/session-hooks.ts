import type { Principal } from '../auth/runner-auth.js';
import type { SessionEndCode } from '../bot/session-end.js';
import type { RefusalCode } from '../errors/runner.error.js';
import type { SessionCall } from './session-state.js';

/** Record of an ended session for the host's database: plain data, without anything that the bot or its client sent. */
export interface SessionRecord {
  /** Session id, as in the answer of `/start` and the bot's `session.id`. */
  readonly sessionId: string;
  /** Wire name of the transport: `websocket`, `daily`, `twilio`, … */
  readonly transport: string;
  /** Name of the bot from a `CallRouter` or `SessionStarter`. */
  readonly bot?: string;
  /** Principal that owns the session. Its `id` is the tenant. */
  readonly principal?: Principal;
  /** Phone call of the session. Numbers are personal data. */
  readonly call?: SessionCall;
  readonly createdAt: Date;
  /** Time at which the client connected, or the bot was launched without one; `undefined` if no client connected. */
  readonly connectedAt?: Date;
  /** Time at which the bot was ready. */
  readonly readyAt?: Date;
  readonly endedAt: Date;
  /** Duration from `connectedAt` to `endedAt`, in milliseconds; 0 if no client connected. */
  readonly durationMs: number;
  /** Reason code, as in the bot's `signal.reason`. */
  readonly code: SessionEndCode;
  readonly message: string;
  /** Error code of a failed start or refused call, if that ended the session. */
  readonly refusal?: RefusalCode;
}

/** Record of a start or call that was refused before a session was opened. */
export interface RefusalRecord {
  /** Wire name of the requested transport, if any. */
  readonly transport?: string;
  readonly principal?: Principal;
  readonly call?: SessionCall;
  readonly refusedAt: Date;
  readonly code: RefusalCode;
  readonly message: string;
}

/**
 * Lifecycle hooks for the host's records of its sessions, such as in its database, and their DI token:
 * `RunnerModule.forRoot({ sessionHooks: CallRecords, imports: [DatabaseModule] })`.
 *
 * Called at most once per event, without blocking conversations. Errors and calls beyond `sessionHookTimeoutMs` are logged, without retries. A
 * graceful shutdown waits for active calls, for up to the same time.
 */
export abstract class SessionHooks {
  /** Records the end of a session, also of one that no client connected to or whose setup failed. */
  abstract ended(record: SessionRecord): void | Promise<void>;

  /**
   * Records a start or call that was refused before a session was opened: at capacity, draining, invalid fields, refused by the router, … Refusals of
   * unauthenticated clients (key, token, signature, origin) are not recorded, since they could fill a database.
   */
  refused(_record: RefusalRecord): void | Promise<void> {}
}

/** Keeps no records. */
export class NoSessionHooks extends SessionHooks {
  ended(): void {}
}
