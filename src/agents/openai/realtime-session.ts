import type { RunnerArguments } from '../../bot/runner-arguments.js';
import { attempt } from '../../errors/attempt.js';
import type { MediaTransport } from '../../media/media-transport.js';
import { type AgentConversation, type AgentSettings, connectAgent } from '../agent-conversation.js';
import { CountedWarnings } from '../counted-warnings.js';
import { errorOf } from '../error-of.js';
import { UNREAD_INPUT } from '../model-input.js';
import { keepConnected } from './keep-connected.js';
import { createLayer, passAudio, REALTIME_RATE_HZ } from './realtime-layer.js';
import {
  loadRealtime,
  type Realtime,
  type RealtimeConnectOptions,
  type RealtimeLayer,
} from './realtime-module.js';
import { speechTeller, tellClient } from './tell-client.js';

/** Buffer limit of the model's audio, which comes faster than it is spoken, in milliseconds: longer than the longest answer. */
const MAX_ANSWER_MS = 300_000;

/** Settings of {@link realtimeSession}. */
export interface RealtimeSessionSettings extends AgentSettings {
  /** Options of `RealtimeSession.connect()`. */
  readonly connect: RealtimeConnectOptions;
}

/**
 * Runs a `RealtimeSession` of OpenAI's `@openai/agents-realtime` on any transport.
 *
 * The model hears the user and speaks to them. When it is interrupted, it is told the milliseconds that were heard of every answer. When its
 * connection ends in mid-call, such as after the longest time that a session may take, another continues with what was said. The end of the
 * user's connection closes it.
 *
 * OpenAI keeps a trace of the conversation only if the `RealtimeSession` has a `workflowName`.
 *
 * Requires the package `@openai/agents-realtime`.
 *
 * @param target the arguments of `launch()`, or their transport; one of its own is created with `confirmPlayback`
 * @param create creates the `RealtimeSession`, not connected, with the given transport layer
 * @throws {Error} with the install line, when the package is missing
 * @throws {Error} for a `RealtimeSession` without the given transport layer, such as that of another conversation
 * @throws {Error} the reason, when the model cannot be reached or does not answer within 10 s
 *
 * @example
 * ```ts
 * async launch(args: RunnerArguments, session: BotSession) {
 *   const create = (transport) => new RealtimeSession(agent, { transport });
 *   const { ended } = await realtimeSession(args, create, { connect: { apiKey }, session });
 *   session.ready();
 *   await ended;
 * }
 * ```
 */
export async function realtimeSession(
  target: RunnerArguments | MediaTransport,
  create: (layer: RealtimeLayer) => Realtime,
  settings: RealtimeSessionSettings,
): Promise<AgentConversation> {
  const { connect, session } = settings;
  const realtimeModule = await loadRealtime();
  const { transport, rtvi } = await connectAgent(
    target,
    { sampleRateHz: REALTIME_RATE_HZ, confirmPlayback: true, maxQueueMs: MAX_ANSWER_MS },
    settings,
  );
  const layer = createLayer(realtimeModule, transport, speechTeller(rtvi));
  const realtime = create(layer);
  if (realtime.transport !== layer) {
    throw new Error(
      'This RealtimeSession has another transport layer. Create one for each conversation: (transport) => new RealtimeSession(agent, { transport })',
    );
  }
  const log = (text: string, thrown: unknown): void =>
    session?.logger.warn(`${text}: ${errorOf(thrown).message}`);
  const warnings = new CountedWarnings((text) => session?.logger.warn(text));
  realtime.on('error', (event: unknown) =>
    warnings.warn(`the model reports an error: ${errorOf(event).message}`),
  );
  const stopTelling =
    rtvi &&
    tellClient(
      realtime,
      rtvi,
      (bytes) => layer.takesText(bytes),
      (thrown) => log('a text did not reach the model', thrown),
    );
  const leave = (): void =>
    attempt(
      () => realtime.close(),
      (thrown) => transport.fail(thrown),
    );
  if (transport.endSignal.aborted) leave();
  else transport.endSignal.addEventListener('abort', leave);
  const stop = (): void => {
    transport.endSignal.removeEventListener('abort', leave);
    stopTelling?.();
    leave();
    warnings.end();
  };

  try {
    if (!layer.isClosed) await realtime.connect(connect);
  } catch (error) {
    stop();
    // The user has left meanwhile.
    if (!transport.endSignal.aborted) throw error;
  }
  const ended = keepConnected(layer, realtime, transport.endSignal, log).finally(stop);
  // Those who do not await it hear of the failure in the log.
  ended.catch((thrown: unknown) => log('the model failed', thrown));
  const dropped = (): void => warnings.warn(UNREAD_INPUT);
  passAudio(transport, layer, dropped).catch((thrown: unknown) => transport.fail(thrown));
  return { transport, rtvi, ended };
}
