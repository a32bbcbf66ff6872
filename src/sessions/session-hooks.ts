import type { Principal } from '../auth/runner-auth.js';
import type { SessionEndCode } from '../bot/session-end.js';
import type { RefusalCode } from '../errors/runner.error.js';
import type { SessionCall } from './session-state.js';

/** A session that has ended, as a host keeps it: plain data, without anything that the bot or its client sent. */
export interface SessionRecord {
  /** The `sessionId` that the client got, and the bot's `session.id`. */
  readonly sessionId: string;
  /** Wire name of the transport: `websocket`, `daily`, `twilio`, … */
  readonly transport: string;
  /** The bot that a `CallRouter` or `SessionStarter` named. */
  readonly bot?: string;
  /** The principal that started it, or whose call it was. Its `id` is the tenant. */
  readonly principal?: Principal;
  /** The phone call it was. Numbers are personal data. */
  readonly call?: SessionCall;
  readonly createdAt: Date;
  /** The time at which its client connected, or its bot was launched without one; `undefined` when nobody came. */
  readonly connectedAt?: Date;
  /** The time at which the bot was ready. */
  readonly readyAt?: Date;
  readonly endedAt: Date;
  /** From `connectedAt` to `endedAt`, in milliseconds; 0 when nobody came. */
  readonly durationMs: number;
  /** The reason of its end, the code of the bot's `signal.reason`. */
  readonly code: SessionEndCode;
  readonly message: string;
  /** The code of the error for which the start or the call came to nothing, where that is why it ended. */
  readonly refusal?: RefusalCode;
}

/** A start or a call that came to nothing before there was a session. */
export interface RefusalRecord {
  /** Wire name of the transport that was asked for, where one was. */
  readonly transport?: string;
  readonly principal?: Principal;
  readonly call?: SessionCall;
  readonly refusedAt: Date;
  readonly code: RefusalCode;
  readonly message: string;
}

/**
 * The host's records of its sessions, such as in its database, and the DI token under which the runner finds them:
 * `RunnerModule.forRoot({ sessionHooks: CallRecords, imports: [DatabaseModule] })`.
 *
 * Each method is called once for each event, never in the way of a conversation. What it throws is logged, as is that it takes longer than
 * `sessionHookTimeoutMs`; it is not called again. When the application shuts down, the calls under way are waited for, for as long.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class CallRecords extends SessionHooks {
 *   constructor(private readonly database: Database) { super(); }
 *
 *   async ended({ sessionId, principal, call, durationMs, code }: SessionRecord): Promise<void> {
 *     await this.database.calls.insert({ sessionId, tenant: principal?.id, from: call?.from, durationMs, code });
 *   }
 * }
 * ```
 */
export abstract class SessionHooks {
  /** A session has ended, however it did: also one that nobody came for, and one that could not be set up. */
  abstract ended(record: SessionRecord): void | Promise<void>;

  /**
   * A start or a call was refused before there was a session: no place, shutting down, wrong fields, a call that the router refused, … What
   * strangers are refused for (a key, token, signature or origin that is wrong) is not recorded, for they could fill a database.
   */
  refused(_record: RefusalRecord): void | Promise<void> {}
}

/** Keeps no records. */
export class NoSessionHooks extends SessionHooks {
  ended(): void {}
}
