import { setTimeout as sleep } from 'node:timers/promises';
import type { RunnerArguments } from '../../bot/runner-arguments.js';
import { textOfThrown } from '../../errors/thrown.js';
import type { MediaTransport } from '../../media/media-transport.js';
import { type AgentConversation, type AgentSettings, connectAgent } from '../agent-conversation.js';
import { createLayer, passAudio, REALTIME_RATE_HZ, type TransportLayer } from './realtime-layer.js';
import {
  loadRealtime,
  type Realtime,
  type RealtimeConnectOptions,
  type RealtimeLayer,
} from './realtime-module.js';
import { replayOf } from './replay.js';
import { tellClient } from './tell-client.js';

/** Delays before the attempts to connect to the model again, in milliseconds. */
const RECONNECT_DELAYS_MS = [0, 500, 2_000];

/** Settings of {@link realtimeSession}. */
export interface RealtimeSessionSettings extends AgentSettings {
  /** Options of `RealtimeSession.connect()`. */
  readonly connect: RealtimeConnectOptions;
}

/**
 * Runs a `RealtimeSession` of OpenAI's `@openai/agents-realtime` on any transport.
 *
 * The model hears the user and speaks to them. When it is interrupted, it is told the milliseconds that were heard. When its connection ends in
 * mid-call, such as after the longest time that a session may take, another continues with what was said. The end of the user's connection
 * closes it.
 *
 * Requires the package `@openai/agents-realtime`.
 *
 * @param target the arguments of `launch()`, or their transport; one of its own is created with `confirmPlayback`
 * @param create creates the `RealtimeSession`, not connected, with the given transport layer
 * @throws {Error} with the install line, when the package is missing
 * @throws the error of a connection that could not be made
 *
 * @example
 * ```ts
 * async launch(args: RunnerArguments, session: BotSession) {
 *   const create = (transport) => new RealtimeSession(agent, { transport, tracingDisabled: true });
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
    { sampleRateHz: REALTIME_RATE_HZ, confirmPlayback: true },
    settings,
  );
  const layer = createLayer(realtimeModule, transport, () => rtvi?.send('bot-interrupted'));
  const realtime = create(layer);
  const stopTelling = rtvi && tellClient(realtime, rtvi);
  const log = (text: string, thrown: unknown): void =>
    session?.logger.warn(`${text}: ${textOfThrown(thrown).text}`);
  realtime.on('error', ({ error }: { error: unknown }) => log('the model says', error));

  try {
    await realtime.connect(connect);
  } catch (error) {
    transport.close({ reason: 'failed', message: 'The model could not be reached.' });
    throw error;
  }
  const ended = keepConnected(layer, realtime, transport.endSignal, log).finally(() => {
    stopTelling?.();
    realtime.close();
  });
  ended.catch((thrown: unknown) => log('the model failed', thrown));
  passAudio(transport, layer).catch((thrown: unknown) => transport.fail(thrown));
  return { transport, rtvi, ended };
}

/** Connects again whenever the model's connection ends, until the user's does. @throws the last error when it cannot */
async function keepConnected(
  layer: TransportLayer,
  realtime: Realtime,
  signal: AbortSignal,
  log: (text: string, thrown: unknown) => void,
): Promise<void> {
  for (;;) {
    await disconnected(layer, signal);
    if (signal.aborted || layer.isClosed) return;
    const history = replayOf(realtime.history);
    for (const [attempt, delayMs] of RECONNECT_DELAYS_MS.entries()) {
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await layer.reconnect();
        for (const item of history) layer.sendEvent({ type: 'conversation.item.create', item });
        break;
      } catch (error) {
        if (attempt === RECONNECT_DELAYS_MS.length - 1) throw error;
        log('the model could not be reached again', error);
      }
    }
  }
}

/** Waits for the end of the model's connection, or the user's. */
async function disconnected(layer: RealtimeLayer, signal: AbortSignal): Promise<void> {
  if (signal.aborted || layer.status === 'disconnected') return;
  await new Promise<void>((resolve) => {
    const over = (status: unknown): void => {
      if (status !== 'disconnected' && !signal.aborted) return;
      layer.off('connection_change', over);
      signal.removeEventListener('abort', over);
      resolve();
    };
    layer.on('connection_change', over);
    signal.addEventListener('abort', over);
  });
}
