import { type AudioFrame, readPcm } from '../pcm.js';

/** Capabilities of a transport beside audio. Calls of missing ones do nothing. */
export interface MediaCapabilities {
  /** Source of the report that a mark was played: the peer, or a local clock. */
  readonly marks: 'confirmed' | 'estimated';
  /** True if `clear()` also clears the peer's playback buffer. */
  readonly remoteClear: boolean;
  readonly dtmfIn: boolean;
  readonly dtmfOut: boolean;
  /** True if application messages, such as RTVI, are supported both ways. */
  readonly messages: boolean;
  /** True if RTVI is one of them. @default as `messages` */
  readonly rtvi?: boolean;
}

/** Format of outgoing audio. */
export interface OutputFormat {
  readonly sampleRateHz: number;
  /** Samples per message. */
  readonly chunkSamples: number;
}

/** Duration of an audio frame, in milliseconds. */
const FRAME_MS = 20;

/** Returns the format of outgoing audio with one frame per message. */
export const framesAt = (sampleRateHz: number): OutputFormat => ({
  sampleRateHz,
  chunkSamples: (sampleRateHz * FRAME_MS) / 1_000,
});

/** Transcription from the peer; protobuf clients can send it. */
export interface MediaTranscription {
  readonly text: string;
  readonly user_id: string;
  readonly timestamp: string;
}

/** A message to the peer: a string goes out as text, bytes as {@link MediaSerializer.isBinary} says. */
export type WireMessage = Buffer | string;

/** Parsed message of the peer. */
export type InboundMedia =
  | ({ readonly kind: 'audio' } & Omit<AudioFrame, 'timestampMs'> & {
        /** Media time, in milliseconds since the start of the stream, where the peer sends it. */
        readonly timestampMs: number | undefined;
      })
  | { readonly kind: 'dtmf'; readonly digit: string }
  | { readonly kind: 'mark'; readonly name: string }
  | { readonly kind: 'message'; readonly message: unknown }
  | { readonly kind: 'text'; readonly text: string }
  | ({ readonly kind: 'transcription' } & MediaTranscription)
  | { readonly kind: 'interruption' }
  | { readonly kind: 'stop' }
  /** Valid message without effect. */
  | { readonly kind: 'ignored' }
  /** `what` is one of a few fixed texts, for counting; `detail` is logged only, and printable. */
  | { readonly kind: 'malformed'; readonly what: string; readonly detail?: string };

/**
 * Wire format of one provider's media over a WebSocket, in both directions, without socket or clock. One instance per call, since codecs and
 * streams are stateful.
 */
export interface MediaSerializer {
  readonly capabilities: MediaCapabilities;
  readonly output: OutputFormat;
  /** True if the bytes it writes are binary messages, not text. */
  readonly isBinary: boolean;
  /** Parses a message of the peer. Never throws. */
  read(data: Buffer, isBinary: boolean): InboundMedia;
  /** Number of frames that wait for an earlier one, in a format whose messages can change places. @default 0 */
  readonly waiting?: number;
  /** Returns the frames that wait, over the gaps: the missing ones have not come in time. */
  takeWaiting?(): InboundMedia;
  /** @param pcm mono, {@link OutputFormat.chunkSamples} of them. @returns `undefined` where the peer takes none */
  audio(pcm: Int16Array): WireMessage | undefined;
  /** Returns the message that clears the peer's playback buffer; `undefined` without such a message, as for the following ones. */
  clear(): WireMessage | undefined;
  mark(name: string): WireMessage | undefined;
  dtmf(digits: string): WireMessage | undefined;
  message(message: unknown): WireMessage | undefined;
}

/** @see InboundMedia */
export const IGNORED: InboundMedia = { kind: 'ignored' };

/** Message of a serializer whose peer knows none of the kind. */
export const noMessage = (): undefined => undefined;

const malformedByWhat = new Map<string, InboundMedia>();

/** @see InboundMedia */
export function malformed(what: string): InboundMedia {
  let result = malformedByWhat.get(what);
  if (!result) malformedByWhat.set(what, (result = { kind: 'malformed', what }));
  return result;
}

/** Reads a DTMF digit. @see InboundMedia */
export const dtmfOf = (digit: unknown): InboundMedia =>
  isDtmfDigit(digit) ? { kind: 'dtmf', digit } : malformed('a dtmf without its key');

/** True for a DTMF digit: 0 to 9, *, #, A to D. */
export const isDtmfDigit = (digit: unknown): digit is string =>
  typeof digit === 'string' && /^[0-9*#A-D]$/.test(digit);

/** Limits of the sample rate and channels that a peer announces. */
const MAX_SAMPLE_RATE_HZ = 192_000;
const MAX_CHANNELS = 8;

/** Samples of the other side, 16-bit little-endian, if they are what it says. */
export function pcmAudio(bytes: Uint8Array, sampleRateHz: number, channels: number): InboundMedia {
  if (bytes.length === 0) return IGNORED;
  if (!isWithin(sampleRateHz, MAX_SAMPLE_RATE_HZ)) {
    return malformed('audio without a usable sample rate');
  }
  if (!isWithin(channels, MAX_CHANNELS)) {
    return malformed('audio without a usable number of channels');
  }
  if (bytes.length % (2 * channels) !== 0) return malformed('audio that ends within a sample');
  return { kind: 'audio', pcm: readPcm(bytes), sampleRateHz, channels, timestampMs: undefined };
}

const isWithin = (value: number, max: number): boolean =>
  Number.isInteger(value) && value >= 1 && value <= max;
