import type { RunnerArguments } from '../bot/runner-arguments.js';
import { SessionEnd, type SessionEndCode } from '../bot/session-end.js';
import { hostCodeError } from '../errors/host-code-error.js';
import { logThrown, type RunnerLog, RunnerLogger } from '../errors/runner-logger.js';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import type { MediaEnd, MediaConnection } from '../media/media-connection.js';
import type { MediaTransportObserver } from '../media/media-transport.events.js';
import { MediaTransport } from '../media/media-transport.js';
import {
  type MediaTransportOptions,
  resolveMediaTransportOptions,
} from '../media/media-transport.options.js';
import type { Session } from '../sessions/session.js';
import { contextOf } from '../sessions/session-context.js';
import { mediaConnections } from './media-connections.js';

/** Options of {@link createTransport}. */
export interface CreateTransportOptions extends MediaTransportOptions {
  /** Closes the media connection when it aborts, as the end of the session does. */
  readonly signal?: AbortSignal;
}

/** Session end code for each reason that a media connection ends with, and back. */
const CODE_OF: Partial<Record<string, SessionEndCode>> = {
  peer_left: 'peer_left',
  failed: 'peer_error',
  closed: 'completed',
  aborted: 'stopped',
};
const REASON_OF: Partial<Record<SessionEndCode, MediaEnd['reason']>> = {
  peer_left: 'peer_left',
  peer_error: 'failed',
  completed: 'closed',
};

/**
 * Connects the bot's media: WebSocket clients, phone calls, LiveKit rooms, WebRTC. The connection and the session end together. May be
 * called once for each `launch()`.
 *
 * @param args the arguments of `launch()`
 * @throws {MediaUnavailableError} when there is no audio for these arguments in this process; the message names the alternative
 * @throws {InvalidOptionsError} for an invalid option, such as an unsupported sample rate
 */
export async function createTransport(
  args: RunnerArguments,
  { signal: given, ...options }: CreateTransportOptions = {},
): Promise<MediaTransport> {
  resolveMediaTransportOptions(options);
  const context = contextOf(args);
  const { session } = context;
  if (context.isConnected) {
    throw new Error('createTransport was called before for these arguments.');
  }
  context.isConnected = true;
  const over = firstSignal(session?.signal, given);
  let opened: MediaConnection | undefined;
  try {
    const connection = (opened = await mediaConnections.connect(
      args,
      { sampleRateHz: options.sampleRateHz, signal: over.signal },
      { hangUp: context.hangUp, transfer: context.transfer },
    ));
    const transport = new MediaTransport(
      opened,
      options,
      observerOf(session, over.forget, (end) => transport.close(end)),
    );
    context.mediaStats = transport.stats;
    context.playOut = () => transport.playOut();
    // Asynchronous cleanup is awaited.
    session?.onEnd(({ message }) => connection.close({ reason: 'aborted', message }));
    const end = (): void => endBecauseOf(over.signal.reason, transport);
    if (over.signal.aborted) end();
    else over.signal.addEventListener('abort', end);
    return transport;
  } catch (error) {
    over.forget();
    context.isConnected = false;
    try {
      await opened?.close({ reason: 'failed', message: textOfThrown(error).message });
    } catch (thrown) {
      // The first error counts.
      logThrown(logOf(session), 'the media connection threw in close():', thrown);
    }
    throw error;
  }
}

const logOf = (session: Session | undefined): RunnerLog =>
  session?.logger ?? new RunnerLogger('PipecatRunner');

/** Reports the end and the failures of the media to the session, if there is one. */
const observerOf = (
  session: Session | undefined,
  forget: () => void,
  close: (end: MediaEnd) => void,
): MediaTransportObserver => ({
  bot: session,
  warn: (message) => session?.logger.warn(message),
  fail: (thrown) => {
    if (session) return session.fail(thrown);
    const { what, message, cause } = hostCodeError(thrown, 'a listener of the transport threw');
    logThrown(logOf(session), `${what}:`, cause);
    close({ reason: 'failed', message });
  },
  leaving: ({ message }) => session?.leaves(new SessionEnd('completed', message)),
  ended: ({ reason, message }) => {
    forget();
    // A connection of the host's own may have another reason.
    void session?.end(new SessionEnd(CODE_OF[reason] ?? 'peer_error', message));
  },
});

/** Closes the transport when the bot's own signal aborts. The end of the session closes the connection by itself. */
function endBecauseOf(cause: unknown, transport: MediaTransport): void {
  if (isInstance(cause, SessionEnd)) {
    transport.abort({ reason: REASON_OF[cause.code] ?? 'aborted', message: cause.message });
  } else {
    transport.cut({ reason: 'closed', message: textOfThrown(cause).message });
  }
}

/** Combines abort signals until `forget` is called. `AbortSignal.any` would stay referenced by long-lived signals, such as an application's. */
function firstSignal(...candidates: (AbortSignal | undefined)[]): {
  readonly signal: AbortSignal;
  readonly forget: () => void;
} {
  const signals = candidates.filter((signal) => signal !== undefined);
  const first = new AbortController();
  const follow = ({ target }: Pick<Event, 'target'>): void =>
    first.abort((target as AbortSignal).reason);
  for (const signal of signals) {
    signal.addEventListener('abort', follow);
    if (signal.aborted) follow({ target: signal });
  }
  return {
    signal: first.signal,
    forget: () => {
      for (const signal of signals) signal.removeEventListener('abort', follow);
    },
  };
}
