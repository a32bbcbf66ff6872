import type { LoopUser } from '../limits/event-loop.js';
import { type BufferLimit, MESSAGE_BUFFER } from './buffered-emitter.js';
import type { MediaEnd } from './media-connection.js';
import type { AudioFrame } from './pcm.js';
import type { Playback } from './playback-position.js';
import type { MediaTranscription } from './serializers/media-serializer.js';

/** Observer of a `MediaTransport`, for the runner. */
export interface MediaTransportObserver {
  /** The session whose bot listens. */
  readonly bot?: LoopUser;
  /** Reports each kind of recoverable problem once. */
  warn(message: string): void;
  /** Reports an error that a listener of the bot threw or rejected with. */
  fail(error: unknown): void;
  /** Reports that the bot begins to hang up or to close the connection, which explains that the peer leaves. */
  leaving?(end: MediaEnd): void;
  /** Reports the end of the media, once. */
  ended(end: MediaEnd): void;
}

/** State of the media connection. */
export type MediaState = 'connecting' | 'connected' | 'disconnected';

/** Outcome of a mark. */
export type MarkOutcome = 'played' | 'cleared' | 'disconnected';

/** A mark that was reached or dropped, and the progress of playback then. */
export interface PlayedMark extends Playback {
  readonly outcome: MarkOutcome;
}

/** Media counters. */
export interface MediaStats {
  /** Audio frames received. */
  audioIn: number;
  /** Audio chunks sent. */
  audioOut: number;
  /** Audio frames, DTMF digits and messages dropped because the bot did not read them in time. */
  unread: number;
  /** Calls of `sendAudio` refused because the buffer limit was reached. */
  overflowed: number;
  /** Malformed input, by kind. */
  readonly malformed: Record<string, number>;
}

/** Events of a `MediaTransport`. */
export interface MediaTransportEvents {
  connected: [];
  disconnected: [end: MediaEnd];
  /** Received audio, mono. */
  audio: [frame: AudioFrame];
  /** A DTMF digit: `0` to `9`, `*`, `#`, `A` to `D`. */
  dtmf: [digit: string];
  /** An application message. */
  message: [message: unknown];
  /** Text of a protobuf client. */
  text: [text: string];
  transcription: [transcription: MediaTranscription];
  /** Barge-in: the client interrupts the bot. */
  interruption: [];
}

/** Smallest size that buffered audio counts with, in milliseconds. */
const MIN_BUFFERED_MS = 1;

/** Buffer limits by event. */
export function bufferLimits(maxBacklogMs: number): {
  [E in keyof MediaTransportEvents]: BufferLimit<MediaTransportEvents[E][0]>;
} {
  const buffer = MESSAGE_BUFFER;
  const lasting = { ...buffer, lasting: true };
  const audio: BufferLimit<AudioFrame> = {
    limit: maxBacklogMs,
    sizeOf: ({ pcm, sampleRateHz }) =>
      Math.max(MIN_BUFFERED_MS, (pcm.length * 1_000) / sampleRateHz),
  };
  return {
    connected: buffer,
    disconnected: buffer,
    audio,
    dtmf: lasting,
    message: lasting,
    text: lasting,
    transcription: lasting,
    interruption: buffer,
  };
}
