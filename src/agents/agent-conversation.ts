import type { MediaTransport } from '../media/media-transport.js';
import type { RtviSession } from '../rtvi/rtvi-session.js';

/** A conversation of an agent with a user. */
export interface AgentConversation {
  readonly transport: MediaTransport;
  /** Session with a Pipecat client; on transports without messages it does nothing. */
  readonly rtvi: RtviSession | undefined;
  /**
   * Resolves when the agent has ended: by itself, because the user left or because the session ended. Rejects with the error of an agent that
   * failed, so that a bot that awaits it ends as `failed`.
   */
  readonly ended: Promise<void>;
}
