import type { LogLevel } from '@nestjs/common';
import type { SessionEndCode } from '../bot/session-end.js';
import type { HangUpOutcome, TransferOptions, TransferOutcome } from '../media/media-link.js';
import type { MediaStats } from '../media/media-transport.js';

/**
 * What the runner and the process of a bot say to each other: one JSON object a line, over file descriptor 3, a connected stream socket.
 * Any program can speak it:
 *
 * 1. The program gets ready for its one conversation and says `loaded`.
 * 2. The runner says `start`. For arguments with a `websocket` it then opens a WebSocket, as a client and with the usual upgrade over HTTP,
 *    on descriptor 4, which is a connected stream socket too. On it come the peer's own messages, and go the bot's, until either closes.
 * 3. The program says `ready` once, `log` and `stop` as it likes, and in the end `done` or `failed`. Then it exits. Before, it should end its
 *    side of descriptor 4 and read on until the runner ends the other: a socket that goes with bytes unread takes the bot's last ones along.
 * 4. After a `stop` of the runner it should end soon. When descriptor 3 closes the runner is gone, and the program has to go too.
 *
 * An unknown `type` is ignored, so that the protocol can grow.
 */
export type BotMessage =
  | { readonly type: 'loaded' }
  | { readonly type: 'ready' }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string }
  /** The conversation is over, and why: as `SessionEnd`. */
  | { readonly type: 'stop'; readonly code: SessionEndCode; readonly message: string }
  /** Asks for the call to be ended by its provider; answered with `hung_up`. Only where `start` said `canHangUp`. */
  | { readonly type: 'hang_up' }
  /** Asks for the call to be put through to a number or SIP URI; answered with `transferred`. One at a time, and only where `start` said `canTransfer`. */
  | ({ readonly type: 'transfer'; readonly target: string } & TransferOptions)
  | { readonly type: 'done'; readonly stats?: MediaStats }
  | { readonly type: 'failed'; readonly message: string; readonly stack?: string };

/** What the runner says. */
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
