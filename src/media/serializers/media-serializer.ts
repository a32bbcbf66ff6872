import type { AudioFrame } from '../audio-frame.js';

/** What a transport can do beside audio. What it cannot, it does not do; nothing throws for want of it. */
export interface MediaCapabilities {
  /** Who tells that a mark was played: the other side, or the clock here. */
  readonly marks: 'confirmed' | 'estimated';
  /** Whether `clear()` also empties what the other side has buffered. */
  readonly remoteClear: boolean;
  readonly dtmfIn: boolean;
  readonly dtmfOut: boolean;
  /** Whether application messages, such as RTVI's, come and go. */
  readonly messages: boolean;
  /** Whether RTVI is among them. @default as `messages` */
  readonly rtvi?: boolean;
}

/** The one kind of audio that goes out on a wire. */
export interface OutputFormat {
  readonly sampleRateHz: number;
  /** How much goes into one message, in samples. */
  readonly chunkSamples: number;
}

/** A frame of audio, in milliseconds. */
const FRAME_MS = 20;

/** Audio that goes out a frame at a time. */
export const framesAt = (sampleRateHz: number): OutputFormat => ({
  sampleRateHz,
  chunkSamples: (sampleRateHz * FRAME_MS) / 1_000,
});

/** A transcript from the other side, as protobuf clients can send it. */
export interface MediaTranscription {
  readonly text: string;
  readonly user_id: string;
  readonly timestamp: string;
}

/** A message to the peer: a string goes out as text, bytes as {@link MediaSerializer.isBinary} says. */
export type WireMessage = Buffer | string;

/** What a message of the other side is. */
export type InboundMedia =
  | ({ readonly kind: 'audio' } & Omit<AudioFrame, 'timestampMs'> & {
        /** When it was spoken, in milliseconds since the stream began, where the other side says. */
        readonly timestampMs: number | undefined;
      })
  | { readonly kind: 'dtmf'; readonly digit: string }
  | { readonly kind: 'mark'; readonly name: string }
  | { readonly kind: 'message'; readonly message: unknown }
  | { readonly kind: 'text'; readonly text: string }
  | ({ readonly kind: 'transcription' } & MediaTranscription)
  | { readonly kind: 'interruption' }
  | { readonly kind: 'stop' }
  /** Something the protocol wants an answer to, which is sent at once. */
  | { readonly kind: 'reply'; readonly data: WireMessage }
  /** Nothing to do, and nothing wrong. */
  | { readonly kind: 'ignored' }
  /** `what` is one of a few fixed texts: it is counted and logged by. `detail` is only logged, and fit for that. */
  | { readonly kind: 'malformed'; readonly what: string; readonly detail?: string };

/**
 * How one provider writes media on a WebSocket: bytes in, frames out, and the other way round. It knows no socket, and no
 * clock. One for each call, for codecs and streams have a memory.
 */
export interface MediaSerializer {
  readonly capabilities: MediaCapabilities;
  readonly output: OutputFormat;
  /** Whether the bytes it writes are binary messages, and not text. */
  readonly isBinary: boolean;
  /** The message that opens the media, where the protocol wants one before any audio. */
  open?(): WireMessage | undefined;
  /** Reads a message of the other side. Never throws. */
  read(data: Buffer, isBinary: boolean): InboundMedia;
  /** @param pcm mono, {@link OutputFormat.chunkSamples} of them. @returns `undefined` where nobody listens */
  audio(pcm: Int16Array): WireMessage | undefined;
  /** Has the other side drop the audio it has not played; `undefined` where it has no such message. The same goes for the following. */
  clear(): WireMessage | undefined;
  mark(name: string): WireMessage | undefined;
  dtmf(digits: string): WireMessage | undefined;
  message(message: unknown): WireMessage | undefined;
  /**
   * Asks the peer to end the connection, where its protocol has the peer do that: it then gets {@link END_TIMEOUT_MS} for it before it is closed on.
   * @param hangsUp whether the bot hangs up, as opposed to being done
   * @returns `undefined` when it was asked before
   */
  end?(hangsUp: boolean): string | undefined;
}

/** The time a peer has to end the connection itself, in milliseconds. @see MediaSerializer.end */
export const END_TIMEOUT_MS = 5_000;

/** @see InboundMedia */
export const IGNORED: InboundMedia = { kind: 'ignored' };

const malformedByWhat = new Map<string, InboundMedia>();

/** @see InboundMedia */
export function malformed(what: string): InboundMedia {
  let result = malformedByWhat.get(what);
  if (!result) malformedByWhat.set(what, (result = { kind: 'malformed', what }));
  return result;
}

/** The keys of a phone; four letters are there too, though few phones have them. */
export const isDtmfDigit = (digit: unknown): digit is string =>
  typeof digit === 'string' && /^[0-9*#A-D]$/.test(digit);
