import type {
  MediaCapabilities,
  MediaTranscription,
  OutputFormat,
} from './serializers/media-serializer.js';

/** Reason that a media connection ended with. */
export interface MediaEnd {
  /**
   * `peer_left`: the peer hung up or disconnected; `closed`: the bot hung up or returned; `aborted`: the session ended for another
   * reason; `failed`: the connection broke.
   */
  readonly reason: 'peer_left' | 'closed' | 'aborted' | 'failed';
  readonly message: string;
}

/** Outcome of a hang-up. */
export interface HangUpOutcome {
  readonly ok: boolean;
  /** `api`: the provider was told to end the call; `connection`: only the connection was closed. */
  readonly via: 'api' | 'connection';
  /** Error, if it failed. */
  readonly error?: string;
}

/** Options of a transfer. */
export interface TransferOptions {
  /** Caller number to present, in E.164. @default the carrier's: mostly the caller's own number */
  readonly callerId?: string;
}

/** The outcome of a transfer. */
export interface TransferOutcome {
  /** True when the carrier has taken the call over; then the bot's connection is closed. Otherwise the call goes on with the bot. */
  readonly ok: boolean;
  /** Error, if it failed. */
  readonly error?: string;
}

/** Events of a {@link MediaConnection}. */
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
  /** The peer was interrupted, or interrupts the bot (barge-in). */
  interruption(): void;
  /** The audio before a mark was played. */
  markPlayed(name: string): void;
  /** Malformed message; `what` is one of a few fixed texts, `detail` is for the log. */
  malformed(what: string, detail?: string): void;
  /** Emitted once, as the last event. */
  disconnected(end: MediaEnd): void;
}

/** Port of a transport for the media of a bot. `MediaTransport` does everything else on top of it. */
export interface MediaConnection {
  readonly capabilities: MediaCapabilities;
  readonly output: OutputFormat;
  /** Starts to emit events. Called once. */
  open(events: MediaConnectionEvents): void;
  /**
   * Sends a chunk of mono audio, {@link OutputFormat.chunkSamples} long.
   * @returns false on backpressure: the chunk was not sent, and is offered again
   */
  sendAudio(pcm: Int16Array): boolean;
  /** Clears the playback buffer of the peer, where supported. */
  clear(): void;
  /** Requests a confirmation when the audio sent before has been played; only where marks are confirmed. */
  mark(name: string): void;
  /** @returns true if they were sent */
  sendDtmf(digits: string): boolean | Promise<boolean>;
  /** @returns true if it was sent */
  sendMessage(message: unknown): boolean;
  hangUp(): Promise<HangUpOutcome>;
  /** Transfers the call, where the provider supports it. Never rejects. */
  readonly transfer?: (target: string, options: TransferOptions) => Promise<TransferOutcome>;
  /**
   * Closes the connection, except for `aborted`, when the session closes it. Idempotent.
   * @returns a promise of the end, where it takes a while. Never rejects.
   */
  close(end: MediaEnd): void | Promise<void>;
}
