import type {
  MediaCapabilities,
  MediaTranscription,
  OutputFormat,
} from './serializers/media-serializer.js';

/** Why media ended. */
export interface MediaEnd {
  /**
   * `peer_left`: the other side hung up or vanished; `closed`: the bot did, hung up or returned; `aborted`: the session ended for another
   * reason; `failed`: the connection broke.
   */
  readonly reason: 'peer_left' | 'closed' | 'aborted' | 'failed';
  readonly message: string;
}

/** How hanging up went. */
export interface HangUpOutcome {
  readonly ok: boolean;
  /** `api`: the provider was told to end the call; `connection`: only the connection was closed. */
  readonly via: 'api' | 'connection';
  /** What went wrong. */
  readonly error?: string;
}

/** Options of a transfer. */
export interface TransferOptions {
  /** The number that is shown there, in E.164. @default the carrier's: mostly the caller's own number */
  readonly callerId?: string;
}

/** The outcome of a transfer. */
export interface TransferOutcome {
  /** True when the carrier has taken the call over; then the bot's connection is closed. Otherwise the call goes on with the bot. */
  readonly ok: boolean;
  /** What went wrong. */
  readonly error?: string;
}

/** What a {@link MediaConnection} reports. */
export interface MediaConnectionEvents {
  connected(): void;
  /** @param pcm several channels alternate; the connection does not use it again */
  audio(
    pcm: Int16Array,
    sampleRateHz: number,
    channels: number,
    timestampMs: number | undefined,
  ): void;
  dtmf(digit: string): void;
  message(message: unknown): void;
  text(text: string): void;
  transcription(transcription: MediaTranscription): void;
  /** The other side was interrupted, or wants to interrupt. */
  interruption(): void;
  /** The audio before a mark was played. */
  markPlayed(name: string): void;
  /** Something that cannot be used; `what` is one of a few fixed texts, `detail` for the log. */
  malformed(what: string, detail?: string): void;
  /** Once, and the last of all. */
  disconnected(end: MediaEnd): void;
}

/** What a transport has to bring along to carry a bot's media. Everything else is done by the `MediaTransport` on top of it. */
export interface MediaConnection {
  readonly capabilities: MediaCapabilities;
  readonly output: OutputFormat;
  /** Begins to report. Called once. */
  open(events: MediaConnectionEvents): void;
  /**
   * Hands on a chunk of audio, mono, of {@link OutputFormat.chunkSamples}.
   * @returns false when the connection is congested: the chunk was not taken, and is offered again
   */
  sendAudio(pcm: Int16Array): boolean;
  /** Has the other side drop what it has not played yet, where it can. */
  clear(): void;
  /** Asks for a report once everything sent before was played; only where marks are confirmed. */
  mark(name: string): void;
  /** @returns whether they were sent */
  sendDtmf(digits: string): boolean | Promise<boolean>;
  /** @returns whether it was sent */
  sendMessage(message: unknown): boolean;
  hangUp(): Promise<HangUpOutcome>;
  /** Puts the call through to somebody else, where the provider can. Never rejects. */
  readonly transfer?: (target: string, options: TransferOptions) => Promise<TransferOutcome>;
  /**
   * Ends the connection, unless whoever ended the session does: `aborted`. Calling it again changes nothing.
   * @returns when it has ended, where that takes a while. Never rejects.
   */
  close(end: MediaEnd): void | Promise<void>;
}
