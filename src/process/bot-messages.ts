import type { SessionEndCode } from '../bot/session-end.js';
import type { HangUpOutcome, TransferOptions, TransferOutcome } from '../media/media-connection.js';
import type { MediaStats } from '../media/media-transport.js';

/** The levels of the log. */
export const LOG_LEVELS = ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'] as const;

/** The ends of a conversation that a bot may report. */
export const BOT_ENDS = [
  'completed',
  'failed',
  'peer_left',
  'peer_error',
  'stopped',
] as const satisfies readonly SessionEndCode[];

/** The longest text for the log, in characters. */
export const MAX_LOG_TEXT = 65_536;
/** The longest text of an end or an error, in characters. */
export const MAX_REASON = 4_096;

/**
 * The messages between the runner and the process of a bot: one JSON object a line, over file descriptor 3, a connected stream socket.
 * Any program can speak it:
 *
 * 1. The program gets ready for its one conversation and sends `loaded`.
 * 2. The runner sends `start`. For arguments with a `websocket` it then opens a WebSocket, as a client and with the usual upgrade over HTTP,
 *    on descriptor 4, which is a connected stream socket too. On it come the peer's own messages, and go the bot's, until either closes.
 * 3. The program sends `ready` once, `log` and `stop` as it likes, and in the end `done` or `failed`. Then it exits. Before, it should end its
 *    side of descriptor 4 and read on until the runner ends the other: a socket that goes with bytes unread takes the bot's last ones along.
 * 4. After a `stop` of the runner it should end soon. When descriptor 3 closes the runner is gone, and the program has to go too.
 *
 * An unknown `type` is ignored, so that the protocol can grow, and so is what comes after `done` or `failed`, but for `log`. A process is killed,
 * and its session fails, when it sends what is no message, a known `type` with fields out of bounds, more than half a million characters in a
 * line, or of 3. anything but `log` and `failed` before `start`. Past a thousand messages or a mebibyte within a second, descriptor 3 is not read until the
 * second is over.
 */
export type BotMessage =
  | { readonly type: 'loaded' }
  | { readonly type: 'ready' }
  /** At most 65,536 characters. Counts as output does: see `ProcessBotLimits`. */
  | {
      readonly type: 'log';
      readonly level: (typeof LOG_LEVELS)[number];
      readonly message: string;
    }
  /** The conversation is over, and why: as `SessionEnd`, in at most 4,096 characters. */
  | { readonly type: 'stop'; readonly code: (typeof BOT_ENDS)[number]; readonly message: string }
  /** Asks for the call to be ended by its provider; answered with `hung_up`. Once, and only where `start` has `canHangUp`. */
  | { readonly type: 'hang_up' }
  /** Asks for the call to be put through to a number or SIP URI; answered with `transferred`. One at a time, and only where `start` has `canTransfer`. */
  | ({ readonly type: 'transfer'; readonly target: string } & TransferOptions)
  /** Each of the numbers is a whole one, at most 1,000,000,000. */
  | { readonly type: 'done'; readonly stats?: MediaStats }
  /** At most 4,096 characters, and a stack of 65,536. */
  | { readonly type: 'failed'; readonly message: string; readonly stack?: string };

/** A message of the runner. */
export type RunnerMessage =
  | StartMessage
  | { readonly type: 'stop'; readonly code: SessionEndCode; readonly message: string }
  | ({ readonly type: 'hung_up' } & HangUpOutcome)
  | ({ readonly type: 'transferred' } & TransferOutcome);

/** The one conversation of a process. */
export interface StartMessage {
  readonly type: 'start';
  readonly session: {
    readonly id: string;
    readonly transport: string;
    /** The bot that is to talk, where one was named. */
    readonly bot?: string;
    readonly claims: Readonly<Record<string, unknown>>;
  };
  /** `RunnerArguments.toJSON()`. */
  readonly args: Record<string, unknown>;
  /** The messages that a carrier sent first; the WebSocket on descriptor 4 begins behind them. */
  readonly handshake: readonly string[];
  readonly canHangUp: boolean;
  readonly canTransfer?: boolean;
}
