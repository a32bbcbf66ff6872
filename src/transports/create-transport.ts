import type { RunnerArguments } from '../bot/runner-arguments.js';
import { MediaTransport } from '../media/media-transport.js';
import type { MediaTransportOptions } from '../media/media-transport.options.js';
import { MediaUnavailableError } from '../media/media-unavailable.error.js';
import { sessionOf } from '../sessions/session-of-arguments.js';
import { TRANSPORTS } from './index.js';
import { linkMediaStats } from './media-stats.js';

/** How {@link createTransport} connects. */
export interface CreateTransportOptions extends MediaTransportOptions {
  /**
   * Ends the media when it aborts.
   * @default the signal of the session that the arguments belong to
   */
  readonly signal?: AbortSignal;
}

const used = new WeakSet<RunnerArguments>();

/**
 * Connects a bot to whoever it is to talk to, whatever the transport: WebSocket clients, phone calls, LiveKit rooms. What it returns
 * hears, speaks, and ends with the session; it can be called once for each `launch()`.
 *
 * @param args what `launch()` was given
 * @throws {MediaUnavailableError} when there is no audio to be had from them here: the message says what to do instead
 * @throws {RangeError} for a sample rate that is not in use
 */
export async function createTransport(
  args: RunnerArguments,
  { signal: given, ...options }: CreateTransportOptions = {},
): Promise<MediaTransport> {
  if (used.has(args)) throw new Error('createTransport was called before for these arguments.');
  used.add(args);
  const session = sessionOf(args);
  const signal = given ?? session?.signal;
  const link = await connect(args, { sampleRateHz: options.sampleRateHz, signal });
  const transport = new MediaTransport(
    link,
    options,
    session && {
      warn: (message) => session.logger.warn(message),
      fail: (error) => {
        session.logger.error(`a listener of the bot threw: ${String(error)}`);
        session.stop('failed', 'A listener of the bot threw.', { cause: error });
      },
      ended: ({ reason, message }) => {
        if (reason === 'peer_left') session.stop('peer_left', message);
        else if (reason === 'failed') session.stop('peer_error', message);
      },
    },
  );
  if (session) linkMediaStats(session, transport.stats);
  const abort = (): void =>
    transport.close({ reason: 'aborted', message: messageOf(signal?.reason) });
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  session?.hold(() => abort());
  return transport;
}

async function connect(...[args, wishes]: Parameters<(typeof TRANSPORTS)[number]['link']>) {
  for (const { link: linkOf } of TRANSPORTS) {
    const link = await linkOf(args, wishes);
    if (link) return link;
  }
  throw new MediaUnavailableError(
    `${args.constructor.name} lead to no audio: there is no room or connection in them.`,
  );
}

const messageOf = (reason: unknown): string =>
  reason instanceof Error ? reason.message : 'The session ended.';
