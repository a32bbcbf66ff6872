import type { BotReady, PeerConfig, PeerReport, PeerRequest } from '../bot/bot-peer.js';
import type { SessionEndCode } from '../bot/session-end.js';
import type { HangUpOutcome, TransferOptions, TransferOutcome } from '../media/media-connection.js';
import type { MediaStats } from '../media/media-transport.events.js';
import type { UpgradeRequest } from '../websocket/upgrade-request.js';

/** Log levels. */
export const LOG_LEVELS = ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'] as const;

/** Session end codes that a bot may report. */
export const BOT_ENDS = [
  'completed',
  'failed',
  'peer_left',
  'peer_error',
  'stopped',
] as const satisfies readonly SessionEndCode[];

/** Longest log text, in characters. */
export const MAX_LOG_TEXT = 65_536;
/** Longest SDP, in characters. */
export const MAX_SDP = 100_000;
/** Longest text of an end or an error, in characters. */
export const MAX_REASON = 4_096;

/**
 * Protocol between the runner and a bot's process: one JSON object a line, over file descriptor 3, a connected stream socket.
 * Any program can implement it:
 *
 * 1. The program initialises itself for its one conversation and sends `loaded`.
 * 2. The runner sends `start`. For arguments with a `websocket` it then opens a WebSocket, as the client with a regular HTTP upgrade, on
 *    descriptor 4, also a connected stream socket. It relays the messages of the peer and the bot until either side closes.
 * 3. The program sends `ready` once, any number of `log` and `stop`, and finally `done` or `failed`. Then it should half-close descriptor 4 and read
 *    until the runner closes it (a socket that is closed with unread bytes loses the bot's last ones), and exit. The end of the session is what
 *    `done` or `failed` says, or a failure for an exit without either; never what descriptor 4 does.
 *    Where `start` has a `peer`, the program holds the client's WebRTC connection: an `offer` follows at once, and more offers and `candidates`
 *    later. It sends an `answer` to each offer and `peer` when the state of the connection changes.
 * 4. After the runner's `stop` it should end within the grace period. When descriptor 3 closes, the runner is gone and the program must exit.
 *    Descriptor 5, a socket over which nothing is ever sent, closes at the same moment, for a program that hangs (`F_SETSIG`).
 *
 * An unknown `type` is ignored for forward compatibility, and so is anything but `log` after `done` or `failed`. The process is killed, and its
 * session fails, for a malformed message, a known `type` with fields out of bounds, a line of more than half a million characters, or any message of
 * 3. but `log` and `failed` before `start`; and when 1,000 messages of the runner after `start`, or 4 MiB of them, wait to be read. Rate limit: past
 * 1,000 messages or 1 MiB within a second, descriptor 3 is not read until the second is over.
 */
export type BotMessage =
  /** At most 100 `routes` of 1,000 characters, which the bot's own program would have served. They are logged. */
  | { readonly type: 'loaded'; readonly routes?: readonly string[] }
  /** With the SHA-256 fingerprints (hex) of a bot that is a server itself, at most 10. */
  | ({ readonly type: 'ready' } & BotReady)
  /** At most 65,536 characters. Counts towards the output limits of `ProcessBotLimits`. */
  | {
      readonly type: 'log';
      readonly level: (typeof LOG_LEVELS)[number];
      readonly message: string;
    }
  /** Ends the conversation with a code and message as in `SessionEnd`, at most 4,096 characters. */
  | { readonly type: 'stop'; readonly code: (typeof BOT_ENDS)[number]; readonly message: string }
  /**
   * The bot is about to end the conversation, and its last audio is being played: that the peer leaves from now on counts as completed. The
   * message is at most 4,096 characters.
   */
  | { readonly type: 'leaving'; readonly message: string }
  /** Hangs up the call at its provider; answered with `hung_up`. At most once, and only if `start` has `canHangUp`. */
  | { readonly type: 'hang_up' }
  /** Transfers the call to a number or SIP URI; answered with `transferred`. One at a time, and only if `start` has `canTransfer`. */
  | ({ readonly type: 'transfer'; readonly target: string } & TransferOptions)
  /** Counters are whole numbers up to 1,000,000,000. */
  | { readonly type: 'done'; readonly stats?: MediaStats }
  /** At most 4,096 characters, and a stack of 65,536. */
  | { readonly type: 'failed'; readonly message: string; readonly stack?: string }
  /** Cuts the peer's WebSocket, without a close frame. */
  | { readonly type: 'terminate' }
  /** The bot serves HTTP at the Unix socket `requests` of `start`, and is to get the requests to its session. */
  | { readonly type: 'requests' }
  /** Answer to a `file`: the URL of a saved one, of at most 4,096 characters, or an error. */
  | {
      readonly type: 'file';
      readonly id: number;
      readonly url?: string;
      readonly error?: string;
    }
  /** Only if `start` has a `peer`. An SDP of at most 100,000 characters, or an error of 4,096. */
  | PeerReport;

/** Message from the runner. */
export type RunnerMessage =
  | StartMessage
  | { readonly type: 'stop'; readonly code: SessionEndCode; readonly message: string }
  | ({ readonly type: 'hung_up' } & HangUpOutcome)
  | ({ readonly type: 'transferred' } & TransferOutcome)
  | ({ readonly type: 'file'; readonly id: number } & FileRequest)
  | PeerRequest;

/** Request to a process that keeps uploaded files in the bot's storage, in place of `start`. Contents are in the file at `path`. */
export type FileRequest =
  | { readonly do: 'save'; readonly name: string; readonly path: string }
  | { readonly do: 'load'; readonly url: string; readonly path: string }
  | { readonly do: 'delete'; readonly url: string };

/** Start of the process' conversation. */
export interface StartMessage {
  readonly type: 'start';
  readonly session: {
    readonly id: string;
    readonly transport: string;
    /** Name of the bot, if any. */
    readonly bot?: string;
    readonly claims: Readonly<Record<string, unknown>>;
  };
  /** `RunnerArguments.toJSON()`. */
  readonly args: Record<string, unknown>;
  /** Handshake messages of the carrier, which precede the messages on descriptor 4. */
  readonly handshake: readonly string[];
  /** Upgrade request of the peer, for arguments with a `websocket`. */
  readonly upgrade?: UpgradeRequest;
  /** Path of the Unix socket for requests to the session; absent where none can be made. */
  readonly requests?: string;
  /** Folder of uploaded files, for Pipecat's `LocalFileStorage`. */
  readonly uploadsFolder?: string;
  readonly canHangUp: boolean;
  readonly canTransfer?: boolean;
  /** Configuration of the client's peer connection, for a program that holds it. */
  readonly peer?: PeerConfig;
  /** True when the runner answers the control messages of the carrier, such as `ping`, and numbers those of the bot. */
  readonly isAnswered?: boolean;
}
