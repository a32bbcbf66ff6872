import { EventEmitter } from 'node:events';
import type { RunnerArguments } from '../../bot/runner-arguments.js';
import { attempt, guardEmitter, within } from '../../errors/attempt.js';
import { textOfThrown } from '../../errors/thrown.js';
import type { MediaTransport } from '../../media/media-transport.js';
import { type AgentConversation, type AgentSettings, connectAgent } from '../agent-conversation.js';
import { errorOf } from '../error-of.js';
import { agentMedia } from './agent-audio.js';
import { type Engine, loadEngine } from './engine.js';
import { tellClient } from './tell-client.js';

/** Sample rate of the user's audio for the agent, in Hz. */
const SAMPLE_RATE_HZ = 24_000;
/** Timeout of the agent to close once the user has left, in milliseconds: its tools and `onExit()` may take their time, or for ever. Less than `stopGraceMs`. */
const CLOSE_TIMEOUT_MS = 4_000;

/** Transports of engines and agents, which know what was said there. */
const transports = new WeakMap<object, MediaTransport>();

/** Settings of {@link agentSession}. */
export interface AgentSessionSettings<Agent> extends AgentSettings {
  /** The `voice.Agent` that begins, for this conversation. */
  readonly agent: Agent;
}

interface ErrorEvent {
  readonly error: unknown;
}

interface CloseEvent {
  readonly reason: string;
  readonly error?: unknown;
}

/**
 * Runs an agent of LiveKit's `@livekit/agents` on any transport, in this process: no LiveKit server, worker or job.
 *
 * The agent hears the user and speaks to them. When it is interrupted, the text that was heard stays in its chat history, and no more; after a
 * noise that was no interruption it goes on. The end of the connection closes the agent, and the end of the agent lets `launch()` return.
 *
 * Requires the packages `@livekit/agents` and `@livekit/rtc-node`.
 *
 * @param target the arguments of `launch()`, or their transport; one of its own is created with `confirmPlayback`
 * @param given a `voice.AgentSession` for this conversation, not started, or a function that creates it once the engine's logger is there, which it
 * needs
 * @throws {Error} with the install line, when a package is missing
 * @throws {Error} for a `voice.AgentSession` or `voice.Agent` that has had another conversation
 *
 * @example
 * ```ts
 * async launch(args: RunnerArguments, session: BotSession) {
 *   const engine = () => new voice.AgentSession({ stt, llm, tts, aecWarmupDuration: null, userAwayTimeout: null });
 *   const { ended } = await agentSession(args, engine, { agent: new SupportAgent(), session });
 *   session.ready();
 *   await ended;
 * }
 * ```
 */
export async function agentSession<Agent>(
  target: RunnerArguments | MediaTransport,
  given: Engine<Agent> | (() => Engine<Agent>),
  settings: AgentSessionSettings<Agent>,
): Promise<AgentConversation> {
  const { agent, session } = settings;
  const engines = await loadEngine();
  const engine = typeof given === 'function' ? given() : given;
  const { transport, rtvi } = await connectAgent(
    target,
    { sampleRateHz: SAMPLE_RATE_HZ, confirmPlayback: true },
    settings,
  );
  for (const one of [engine, agent]) keepApart(one, transport);
  // The engine emits where nobody awaits it: what a listener of the bot throws would end the process.
  if (engine instanceof EventEmitter) guardEmitter(engine, (thrown) => transport.fail(thrown));
  const warn = (message: string): void => session?.logger.warn(message);
  const client = rtvi && tellClient(engine, rtvi, warn);
  const media = agentMedia(
    engines,
    transport,
    {
      text: (part) => client?.text(part),
      finished: (heard) => client?.finished(heard),
    },
    transport.endSignal,
  );

  let over!: (event: CloseEvent) => void;
  const closed = new Promise<void>((resolve, reject) => {
    over = ({ reason, error }) => {
      engine.off('close', over);
      client?.stop();
      if (reason === 'error') reject(errorOf(error));
      else resolve();
    };
    engine.on('close', over);
  });
  // Those who do not await it hear of the failure in the log.
  closed.catch((thrown: unknown) => warn(`the agent failed: ${textOfThrown(thrown).text}`));

  // Without a listener for it an error ends the process. One that ends the agent is the reason of its end.
  engine.on('error', ({ error }: ErrorEvent) =>
    warn(`a service of the agent failed: ${errorOf(error).message}`),
  );
  engine.input.audio = media.audioInput;
  engine.output.audio = media.audioOutput;
  engine.output.transcription = media.textOutput;
  const late = () =>
    new Error(`it was not closed within ${CLOSE_TIMEOUT_MS / 1_000} s: a tool or onExit() goes on`);
  const leave = (): void =>
    attempt(
      () => within(CLOSE_TIMEOUT_MS, engine.close(), late),
      (thrown) => {
        warn(`closing the agent failed: ${textOfThrown(thrown).message}`);
        over({ reason: 'user_initiated' });
      },
    );
  try {
    await engine.start({ agent });
  } catch (error) {
    leave();
    throw error;
  }
  if (transport.endSignal.aborted) leave();
  else transport.endSignal.addEventListener('abort', leave, { once: true });
  return { transport, rtvi, ended: closed };
}

/** Keeps an engine or agent to one conversation. @throws {Error} when it has had another */
function keepApart(one: unknown, transport: MediaTransport): void {
  if (typeof one !== 'object' || one === null) return;
  if ((transports.get(one) ?? transport) !== transport) {
    throw new Error(
      'This AgentSession or Agent has had another conversation. Create both in launch(): others must not hear of it.',
    );
  }
  transports.set(one, transport);
}
