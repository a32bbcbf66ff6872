import { randomUUID } from 'node:crypto';

/** The carriers that {@link placeCall} can play. */
export type CarrierName = 'twilio' | 'telnyx' | 'plivo' | 'exotel';

/** Who calls whom, and the ids of the call. */
export interface CallFacts {
  readonly streamId: string;
  readonly callId: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly customParameters: Record<string, string>;
}

/** How a carrier talks to a media WebSocket: the caller's half of the protocol, after the page each names. */
export interface CarrierDialect {
  readonly encoding: 'mulaw' | 'l16';
  newIds(): { streamId: string; callId: string };
  /** What is sent before any audio. */
  handshake(facts: CallFacts): object[];
  /** One frame of the caller's audio. */
  media(facts: CallFacts, payload: string, sequence: number): object;
  /** The caller hung up; a carrier that documents no such message just closes. */
  stop?(facts: CallFacts): object;
  /** A key was pressed. */
  dtmf(facts: CallFacts, digit: string, sequence: number): object;
  /** The base64 audio in a message of the bot. */
  audioOf(message: BotMessage): string | undefined;
  /** The name of the mark that a message of the bot sets. */
  markOf(message: BotMessage): string | undefined;
  /** All audio before a mark was played. */
  played(facts: CallFacts, name: string, sequence: number): object;
  /** The message by which the bot drops what was not played yet. */
  readonly clearEvent: string;
  /** What it is answered with, where the carrier answers it, and whether the marks that were waiting come back then. */
  cleared?(facts: CallFacts, sequence: number): object;
  readonly returnsMarks: boolean;
}

/** A message of the bot, as far as it is understood. */
export interface BotMessage {
  readonly event?: unknown;
  readonly name?: unknown;
  readonly media?: { readonly payload?: unknown };
  readonly mark?: { readonly name?: unknown };
}

const FRAME_MS = 20;
const hex = () => randomUUID().replaceAll('-', '');

/** Plivo's notation of key-value pairs. */
const extraHeaders = (parameters: Record<string, string>): string =>
  Object.entries(parameters)
    .map(([key, value]) => `${key}=${value}`)
    .join(';');

const payloadOf =
  (event: string): CarrierDialect['audioOf'] =>
  (message) =>
    message.event === event && typeof message.media?.payload === 'string'
      ? message.media.payload
      : undefined;

/** Marks as most carriers have them, in their names for the stream and the counter. */
const marksAs = (streamKey: string, sequenceKey: string) => ({
  markOf: ({ event, mark }: BotMessage) => (event === 'mark' ? String(mark?.name) : undefined),
  played: ({ streamId }: CallFacts, name: string, sequence: number) => ({
    event: 'mark',
    [sequenceKey]: String(sequence + 2),
    [streamKey]: streamId,
    mark: { name },
  }),
  clearEvent: 'clear',
  returnsMarks: true,
});

export const CARRIER_DIALECTS: Record<CarrierName, CarrierDialect> = {
  /** https://www.twilio.com/docs/voice/media-streams/websocket-messages */
  twilio: {
    encoding: 'mulaw',
    newIds: () => ({ streamId: `MZ${hex()}`, callId: `CA${hex()}` }),
    handshake: ({ streamId, callId, from, to, customParameters }) => [
      { event: 'connected', protocol: 'Call', version: '1.0.0' },
      {
        event: 'start',
        sequenceNumber: '1',
        streamSid: streamId,
        start: {
          streamSid: streamId,
          accountSid: 'AC00000000000000000000000000000000',
          callSid: callId,
          tracks: ['inbound'],
          customParameters: {
            ...(from !== undefined && { from_number: from }),
            ...(to !== undefined && { to_number: to }),
            ...customParameters,
          },
          mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
        },
      },
    ],
    media: ({ streamId }, payload, sequence) => ({
      event: 'media',
      sequenceNumber: String(sequence + 2),
      streamSid: streamId,
      media: {
        track: 'inbound',
        chunk: String(sequence + 1),
        timestamp: String(sequence * FRAME_MS),
        payload,
      },
    }),
    stop: ({ streamId, callId }) => ({
      event: 'stop',
      streamSid: streamId,
      stop: { callSid: callId },
    }),
    ...marksAs('streamSid', 'sequenceNumber'),
    dtmf: ({ streamId }, digit, sequence) => ({
      event: 'dtmf',
      streamSid: streamId,
      sequenceNumber: String(sequence + 2),
      dtmf: { track: 'inbound_track', digit },
    }),
    audioOf: payloadOf('media'),
  },

  /** https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming */
  telnyx: {
    encoding: 'mulaw',
    newIds: () => ({ streamId: randomUUID(), callId: `v3:${hex()}` }),
    handshake: ({ streamId, callId, from, to, customParameters }) => [
      { event: 'connected', version: '1.0.0' },
      {
        event: 'start',
        sequence_number: '1',
        stream_id: streamId,
        start: {
          call_control_id: callId,
          call_session_id: randomUUID(),
          from,
          to,
          custom_parameters: customParameters,
          media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 },
        },
      },
    ],
    media: ({ streamId }, payload, sequence) => ({
      event: 'media',
      sequence_number: String(sequence + 2),
      stream_id: streamId,
      media: {
        track: 'inbound',
        chunk: String(sequence + 1),
        timestamp: String(sequence * FRAME_MS),
        payload,
      },
    }),
    stop: ({ streamId, callId }) => ({
      event: 'stop',
      stream_id: streamId,
      stop: { call_control_id: callId },
    }),
    ...marksAs('stream_id', 'sequence_number'),
    dtmf: ({ streamId }, digit, sequence) => ({
      event: 'dtmf',
      stream_id: streamId,
      sequence_number: String(sequence + 2),
      occurred_at: new Date().toISOString(),
      dtmf: { digit },
    }),
    audioOf: payloadOf('media'),
  },

  /** https://www.plivo.com/docs/voice-agents/audio-streaming/concepts/audio-streaming-reference */
  plivo: {
    encoding: 'mulaw',
    newIds: () => ({ streamId: randomUUID(), callId: randomUUID() }),
    handshake: ({ streamId, callId, customParameters }) => [
      {
        sequenceNumber: 1,
        event: 'start',
        start: {
          callId,
          streamId,
          accountId: 'MA000000000000000000',
          tracks: ['inbound'],
          mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000 },
        },
        extra_headers: extraHeaders(customParameters),
      },
    ],
    media: ({ streamId, customParameters }, payload, sequence) => ({
      sequenceNumber: sequence + 2,
      streamId,
      event: 'media',
      media: { track: 'inbound', timestamp: String(Date.now()), chunk: sequence + 1, payload },
      extra_headers: extraHeaders(customParameters),
    }),
    dtmf: ({ streamId }, digit, sequence) => ({
      event: 'dtmf',
      sequenceNumber: sequence + 2,
      streamId,
      dtmf: { track: 'inbound', digit, timestamp: String(Date.now()) },
    }),
    audioOf: payloadOf('playAudio'),
    markOf: ({ event, name }) => (event === 'checkpoint' ? String(name) : undefined),
    played: ({ streamId }, name, sequence) => ({
      event: 'playedStream',
      sequenceNumber: sequence + 2,
      streamId,
      name,
    }),
    clearEvent: 'clearAudio',
    cleared: ({ streamId }, sequence) => ({
      event: 'clearedAudio',
      sequenceNumber: sequence + 2,
      streamId,
    }),
    returnsMarks: false,
  },

  /** https://developer.exotel.com/docs/agentstream/stream-voicebot-applet */
  exotel: {
    encoding: 'l16',
    newIds: () => ({ streamId: hex(), callId: hex() }),
    handshake: ({ streamId, callId, from, to, customParameters }) => [
      { event: 'connected' },
      {
        event: 'start',
        sequence_number: 1,
        stream_sid: streamId,
        start: {
          stream_sid: streamId,
          call_sid: callId,
          account_sid: 'exotel1',
          from,
          to,
          custom_parameters: customParameters,
          media_format: { encoding: 'base64', sample_rate: '8000', bit_rate: '128kbps' },
        },
      },
    ],
    media: ({ streamId }, payload, sequence) => ({
      event: 'media',
      sequence_number: sequence + 2,
      stream_sid: streamId,
      media: { chunk: sequence + 1, timestamp: String(sequence * FRAME_MS), payload },
    }),
    stop: ({ streamId, callId }) => ({
      event: 'stop',
      stream_sid: streamId,
      stop: { call_sid: callId, reason: 'callended' },
    }),
    ...marksAs('stream_sid', 'sequence_number'),
    dtmf: ({ streamId }, digit, sequence) => ({
      event: 'dtmf',
      sequence_number: String(sequence + 2),
      stream_sid: streamId,
      dtmf: { digit, duration: '100' },
    }),
    audioOf: payloadOf('media'),
  },
};
