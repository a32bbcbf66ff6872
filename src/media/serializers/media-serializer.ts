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
  /** Whether its messages are binary ones. */
  readonly isBinary: boolean;
  /** Reads a message of the other side. Never throws. */
  read(data: Buffer, isBinary: boolean): InboundMedia;
  /** @param pcm mono, {@link OutputFormat.chunkSamples} of them. @returns `undefined` where nobody listens */
  audio(pcm: Int16Array): Buffer | undefined;
  /** Has the other side drop the audio it has not played; `undefined` where it has no such message. The same goes for the following. */
  clear(): Buffer | undefined;
  mark(name: string): Buffer | undefined;
  dtmf(digits: string): Buffer | undefined;
  message(message: unknown): Buffer | undefined;
}

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
