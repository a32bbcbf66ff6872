import { type CallFacts, type CarrierDialect, payloadOf } from '../carrier-dialect.js';

/** Encodes parameters in Plivo's key-value format. */
const extraHeaders = ({ customParameters }: CallFacts): string =>
  Object.entries(customParameters)
    .map(([key, value]) => `${key}=${value}`)
    .join(';');

const message = (event: string, { streamId }: CallFacts, sequence: number, more: object = {}) => ({
  event,
  sequenceNumber: sequence + 2,
  streamId,
  ...more,
});

/** https://www.plivo.com/docs/voice-agents/audio-streaming/concepts/audio-streaming-reference */
export const plivoDialect: CarrierDialect = {
  encoding: 'mulaw',
  newIds: () => ({ streamId: crypto.randomUUID(), callId: crypto.randomUUID() }),
  handshake: (facts) => [
    {
      sequenceNumber: 1,
      event: 'start',
      start: {
        callId: facts.callId,
        streamId: facts.streamId,
        accountId: 'MA000000000000000000',
        tracks: ['inbound'],
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000 },
      },
      extra_headers: extraHeaders(facts),
    },
  ],
  media: (facts, payload, sequence) =>
    message('media', facts, sequence, {
      media: { track: 'inbound', timestamp: String(Date.now()), chunk: sequence + 1, payload },
      extra_headers: extraHeaders(facts),
    }),
  audioOf: payloadOf('playAudio'),
  dtmf: (facts, digit, sequence) =>
    message('dtmf', facts, sequence, {
      dtmf: { track: 'inbound', digit, timestamp: String(Date.now()) },
    }),
  markOf: ({ event, name }) => (event === 'checkpoint' ? String(name) : undefined),
  played: (facts, name, sequence) => message('playedStream', facts, sequence, { name }),
  clearEvent: 'clearAudio',
  cleared: (facts, sequence) => message('clearedAudio', facts, sequence),
  returnsMarks: false,
};
