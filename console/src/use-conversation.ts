import { useCallback, useEffect, useState } from 'react';
import { RTVIEvent, type RTVIMessage } from '@pipecat-ai/client-js';
import { usePipecatClientTransportState, useRTVIClientEvent } from '@pipecat-ai/client-react';
import type { Call } from './call.js';
import type { StartAnswer } from './runner-api.js';

/** Longer than this no client takes to disconnect that still can. */
const STUCK_MS = 3_000;

/** Where a conversation is. */
export type Phase = 'idle' | 'starting' | 'live' | 'ending';

/** The conversation over a call, for the panels. */
export interface Conversation {
  readonly phase: Phase;
  readonly sessionId: string | undefined;
  readonly start: (body: unknown) => void;
  readonly stop: () => void;
}

/**
 * @param report is told, in words, what goes wrong, and before a new start that nothing is
 * @param onStuck is told that the client does not come to an end, and should be replaced: Daily's, when its code cannot be loaded
 */
export function useConversation(
  call: Call,
  report: (problem: string | undefined) => void,
  onStuck: () => void,
): Conversation {
  const state = usePipecatClientTransportState();
  const [starting, setStarting] = useState(false);
  const [answer, setAnswer] = useState<StartAnswer>();
  const phase = starting && state !== 'disconnecting' ? 'starting' : phaseOf(state);

  useRTVIClientEvent(
    RTVIEvent.Error,
    useCallback((message: RTVIMessage) => report(textOf(message)), [report]),
  );
  useRTVIClientEvent(
    RTVIEvent.MessageError,
    useCallback((message: RTVIMessage) => report(textOf(message)), [report]),
  );
  useRTVIClientEvent(
    RTVIEvent.DeviceError,
    useCallback((error: Error) => report(error.message), [report]),
  );

  const start = useCallback(
    (body: unknown) => {
      report(undefined);
      setAnswer(undefined);
      setStarting(true);
      call
        .start(body, (error) => report(error.message))
        .then(setAnswer, (error: Error) => report(error.message))
        .finally(() => setStarting(false));
    },
    [call, report],
  );
  const stop = useCallback(() => void call.stop(), [call]);

  useEffect(() => {
    if (phase !== 'ending') return;
    const timer = setTimeout(onStuck, STUCK_MS);
    return () => clearTimeout(timer);
  }, [phase, onStuck]);

  return { phase, sessionId: answer?.sessionId, start, stop };
}

function phaseOf(state: ReturnType<typeof usePipecatClientTransportState>): Phase {
  switch (state) {
    case 'connected':
    case 'ready':
      return 'live';
    case 'initializing':
    case 'authenticating':
    case 'authenticated':
    case 'connecting':
      return 'starting';
    case 'disconnecting':
      return 'ending';
    default:
      return 'idle';
  }
}

function textOf({ data }: RTVIMessage): string {
  const { error, message } = (data ?? {}) as { error?: unknown; message?: unknown };
  return [error, message].find((text) => typeof text === 'string') ?? 'The bot reported an error.';
}
