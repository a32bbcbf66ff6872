import type { RunnerArguments } from '../../bot/runner-arguments.js';
import { textOfThrown } from '../../errors/thrown.js';
import type { MediaTransport } from '../../media/media-transport.js';
import { bytesFromPcm } from '../../media/pcm.js';
import type { SendText } from '../../rtvi/dto/send-text.dto.js';
import { type AgentConversation, type AgentSettings, connectAgent } from '../agent-conversation.js';
import { TOO_MUCH_INPUT } from '../model-input.js';
import { LiveConversation } from './live-conversation.js';
import type { LiveConnect, LiveFunctionCall } from './live-module.js';

/** Sample rate of the model's input, in Hz. */
const INPUT_RATE_HZ = 16_000;
/** Longest answer, in milliseconds: the model sends it faster than it is spoken. */
const MAX_ANSWER_MS = 600_000;

/** Settings of {@link liveSession}. */
export interface LiveSessionSettings extends AgentSettings {
  /**
   * Runs a function that the model calls, and returns its result. An error is told to the model by its message.
   * @param signal aborts when the model has cancelled the call, its connection was lost or the conversation has ended: the result is dropped
   */
  readonly onFunctionCall?: (call: LiveFunctionCall, signal: AbortSignal) => unknown;
}

/**
 * Runs a Live session of Gemini (`@google/genai`) on any transport.
 *
 * The model hears the user and speaks to them, and tells when it is interrupted. The end of the user's connection closes it. The model is not
 * told how much of its answer was heard: its API has no way to say it.
 *
 * With `config.sessionResumption` another connection continues when the model ends one, as it does every few minutes. What the user says
 * meanwhile is not lost, and an answer that was cut off is given again, unless a function was called for it.
 *
 * @param target the arguments of `launch()`, or their transport. Its `maxQueueMs` must be as long as the longest answer; one that is created here
 * takes ten minutes
 * @param connect calls `ai.live.connect()` with the given callbacks
 * @throws the error of a connection that could not be made
 *
 * @example
 * ```ts
 * const { ended } = await liveSession(
 *   args,
 *   (callbacks, handle) =>
 *     ai.live.connect({ model, config: { responseModalities: [Modality.AUDIO], sessionResumption: { handle } }, callbacks }),
 *   { session },
 * );
 * ```
 */
export async function liveSession(
  target: RunnerArguments | MediaTransport,
  connect: LiveConnect,
  settings: LiveSessionSettings = {},
): Promise<AgentConversation> {
  const { onFunctionCall, session } = settings;
  const { transport, rtvi } = await connectAgent(
    target,
    { sampleRateHz: INPUT_RATE_HZ, maxQueueMs: MAX_ANSWER_MS },
    settings,
  );
  const conversation = new LiveConversation(transport, connect, {
    rtvi,
    onFunctionCall,
    warn: (text) => session?.logger.warn(text),
  });
  const type = ({ content, options }: SendText, id: string): void => {
    const isTaken = conversation.type(content, options.run_immediately);
    if (!isTaken) rtvi?.refuse(id, TOO_MUCH_INPUT);
  };
  const over = (): void => conversation.close();
  rtvi?.on('send-text', type);
  transport.endSignal.addEventListener('abort', over);
  const ended = conversation.ended.finally(() => {
    rtvi?.off('send-text', type);
    transport.endSignal.removeEventListener('abort', over);
  });
  ended.catch((thrown: unknown) =>
    session?.logger.warn(`the model failed: ${textOfThrown(thrown).text}`),
  );
  if (transport.endSignal.aborted) over();
  try {
    await conversation.connect();
  } catch (error) {
    conversation.close();
    throw error;
  }
  listen(transport, conversation).catch((thrown: unknown) => transport.fail(thrown));
  return { transport, rtvi, ended };
}

/** Passes the user's audio on to the model, until the conversation ends. */
async function listen(transport: MediaTransport, conversation: LiveConversation): Promise<void> {
  for await (const { pcm, sampleRateHz } of transport.audioIn(conversation.signal)) {
    const data = bytesFromPcm(pcm).toString('base64');
    conversation.send({ audio: { data, mimeType: `audio/pcm;rate=${sampleRateHz}` } });
  }
}
