import type { RunnerArguments } from '../bot/runner-arguments.js';
import { SessionEnd, type SessionEndCode } from '../bot/session-end.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import type { MediaEnd, MediaConnection } from '../media/media-connection.js';
import { MediaTransport, type MediaTransportObserver } from '../media/media-transport.js';
import {
  type MediaTransportOptions,
  resolveMediaTransportOptions,
} from '../media/media-transport.options.js';
import type { Session } from '../sessions/session.js';
import { contextOf } from '../sessions/session-context.js';
import { firstSignal } from './first-signal.js';
import { mediaConnections } from './media-connections.js';

/** How {@link createTransport} connects. */
export interface CreateTransportOptions extends MediaTransportOptions {
  /** Ends the media when it aborts, as the end of the session does that the arguments belong to. */
  readonly signal?: AbortSignal;
}

/** How a session ends with its media, and media with their session. */
const CODE_OF: Record<MediaEnd['reason'], SessionEndCode> = {
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
 * Connects a bot to whoever it is to talk to, whatever the transport: WebSocket clients, phone calls, LiveKit rooms. What it returns
 * hears, speaks, and ends with the session, as the session does with it; it can be called once for each `launch()`.
 *
 * @param args what `launch()` was given
 * @throws {MediaUnavailableError} when there is no audio to be had from them here: the message says what to do instead
 * @throws {RangeError} for an option that cannot be, such as a sample rate that is not in use
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
  let link: MediaConnection | undefined;
  try {
    const connection = (link = await mediaConnections.connect(
      args,
      { sampleRateHz: options.sampleRateHz, signal: over.signal },
      { hangUp: context.hangUp, transfer: context.transfer },
    ));
    const transport = new MediaTransport(
      link,
      options,
      observerOf(session, over.forget, (end) => transport.close(end)),
    );
    context.mediaStats = transport.stats;
    // What takes a while is waited for.
    session?.onEnd(({ message }) => connection.close({ reason: 'aborted', message }));
    const end = (): void => endBecauseOf(over.signal.reason, transport);
    if (over.signal.aborted) end();
    else over.signal.addEventListener('abort', end);
    return transport;
  } catch (error) {
    over.forget();
    context.isConnected = false;
    await link?.close({ reason: 'failed', message: textOfThrown(error).message });
    throw error;
  }
}

/** Tells the session, where there is one, what becomes of its media. */
const observerOf = (
  session: Session | undefined,
  forget: () => void,
  close: (end: MediaEnd) => void,
): MediaTransportObserver => ({
  warn: (message) => session?.logger.warn(message),
  fail: (thrown) => {
    if (session) return session.fail(thrown);
    const { text, stack } = textOfThrown(thrown);
    new RunnerLogger('PipecatRunner').error(`a listener of a transport threw: ${text}`, stack);
    close({ reason: 'failed', message: 'A listener of the transport threw.' });
  },
  hangingUp: () => session?.hangsUp(),
  ended: ({ reason, message }) => {
    forget();
    void session?.end(new SessionEnd(CODE_OF[reason], message));
  },
});

/** A session that ends closes its connection itself; for a signal of the bot's own nobody else does. */
function endBecauseOf(cause: unknown, transport: MediaTransport): void {
  if (isInstance(cause, SessionEnd)) {
    transport.abort({ reason: REASON_OF[cause.code] ?? 'aborted', message: cause.message });
  } else {
    transport.close({ reason: 'closed', message: textOfThrown(cause).message });
  }
}
