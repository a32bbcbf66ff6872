import type { BotSession } from '../bot/bot-launcher.js';
import { RunnerArguments } from '../bot/runner-arguments.js';
import type { MediaTransport } from '../media/media-transport.js';
import { RtviSession } from '../rtvi/rtvi-session.js';
import { createTransport, type CreateTransportOptions } from '../transports/create-transport.js';

/** Settings of any agent. */
export interface AgentSettings {
  /** Session of the bot, as `launch()` gets it: logs its failures. */
  readonly session?: BotSession;
  /**
   * Shows transcripts and the agent's state to Pipecat clients, and passes their texts on to the agent; `false` for none.
   * @default a session of its own, where the transport carries messages
   */
  readonly rtvi?: RtviSession | false;
}

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

/** Connects an agent's side of a conversation. @param options of a transport that is created, for arguments of `launch()` */
export async function connectAgent(
  target: RunnerArguments | MediaTransport,
  options: CreateTransportOptions,
  { session, rtvi }: AgentSettings,
): Promise<Pick<AgentConversation, 'transport' | 'rtvi'>> {
  const transport =
    target instanceof RunnerArguments ? await createTransport(target, options) : target;
  if (rtvi === false) return { transport, rtvi: undefined };
  return { transport, rtvi: rtvi ?? new RtviSession(transport, { logger: session?.logger }) };
}
