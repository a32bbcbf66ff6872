import type { Logger } from '@nestjs/common';

/** What a bot gets beside its arguments: who it is, when to stop, and how to say that it is up. */
export abstract class BotSession {
  /** The id that `/start` returned to the client, and `args.session_id`. */
  abstract readonly id: string;
  /** The wire name of the transport: `webrtc`, `daily`, `websocket`, `twilio`, … */
  abstract readonly transport: string;
  /**
   * Aborts when the conversation has to end. `signal.reason` is a {@link SessionEnd} that says why
   * (peer left, stopped, draining, too long …).
   */
  abstract readonly signal: AbortSignal;
  /** Logs under the session's id. */
  abstract readonly logger: Logger;
  /** Marks the bot as up: the session goes from `launching` to `running`. Calling it again changes nothing. */
  abstract ready(): void;
}
