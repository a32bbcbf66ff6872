import { CallData } from '../../../../bot/call-data.js';
import { objectIn, textIn } from '../../../../media/serializers/json-message.js';
import { type ApiCall, basicAuth, objectOf, type Carrier } from '../carrier.js';
import { BUSY, dialXml, escapeXml, xmlDocument } from '../xml.js';
import { extraHeaders, parametersIn, plain } from './plivo-extra-headers.js';
import { PlivoSerializer } from './plivo.serializer.js';
import { verifyPlivo } from './plivo.signature.js';
import { type CallFacts, type CarrierDialect, payloadOf } from '../carrier-dialect.js';

/** Encodes parameters in Plivo's key-value format. */
const keyValues = ({ customParameters }: CallFacts): string =>
  Object.entries(customParameters)
    .map(([key, value]) => `${key}=${value}`)
    .join(';');

const streamMessage = (
  event: string,
  { streamId }: CallFacts,
  sequence: number,
  more: object = {},
) => ({
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
      extra_headers: keyValues(facts),
    },
  ],
  media: (facts, payload, sequence, frame) =>
    streamMessage('media', facts, sequence, {
      media: { track: 'inbound', timestamp: String(Date.now()), chunk: frame + 1, payload },
      extra_headers: keyValues(facts),
    }),
  audioOf: payloadOf('playAudio'),
  dtmf: (facts, digit, sequence) =>
    streamMessage('dtmf', facts, sequence, {
      dtmf: { track: 'inbound', digit, timestamp: String(Date.now()) },
    }),
  markOf: ({ event, name }) => (event === 'checkpoint' ? String(name) : undefined),
  played: (facts, name, sequence) => streamMessage('playedStream', facts, sequence, { name }),
  clearEvent: 'clearAudio',
  cleared: (facts, sequence) => streamMessage('clearedAudio', facts, sequence),
  returnsMarks: false,
};

/** Plivo account: `PLIVO_AUTH_ID`, `PLIVO_AUTH_TOKEN`. */
export interface PlivoAccount {
  readonly authId: string;
  readonly authToken: string;
  /** @default 'https://api.plivo.com/v1' */
  readonly apiUrl?: string;
}

/** Plivo, bidirectional `<Stream>`: https://docs.plivo.com/docs/voice/xml/audiostream. */
export const plivo: Carrier<'plivo', PlivoAccount> = {
  name: 'plivo',
  dialect: plivoDialect,

  webhook: {
    connectXml: ({ wsUrl, customParameters, formats }) =>
      xmlDocument(
        `<Response><Stream bidirectional="true" keepCallAlive="true" contentType="${formats.plivoContentType}"` +
          `${extraHeaders(customParameters)}>${escapeXml(wsUrl)}</Stream></Response>`,
      ),
    callIdField: 'CallUUID',
    busyXml: `<Response><Speak>${BUSY}</Speak><Hangup/></Response>`,
    refusalXml: {
      busy: '<Response><Hangup reason="busy"/></Response>',
      rejected: '<Response><Hangup reason="rejected"/></Response>',
      say: (text) => `<Response><Speak>${escapeXml(text)}</Speak><Hangup/></Response>`,
    },
    signature: {
      verify: verifyPlivo,
      // Signs a nonce as well.
      deliveryHeader: 'x-plivo-signature-v3',
      env: 'PLIVO_AUTH_TOKEN',
      accountField: 'authToken',
    },
  },

  account: {
    required: { authId: 'PLIVO_AUTH_ID', authToken: 'PLIVO_AUTH_TOKEN' },
    optional: { apiUrl: '' },
  },

  identify(message) {
    const start = objectIn(message, 'start');
    const stream_id = textIn(start, 'streamId');
    const call_id = textIn(start, 'callId');
    if (!stream_id || !call_id) return undefined;
    const extra_headers = message.extra_headers || start.extra_headers;
    const body = parametersIn(extra_headers);
    const numberOf = (name: string) => textIn(body, plain(name)) ?? textIn(body, name);
    return new CallData({
      stream_id,
      call_id,
      body,
      from: numberOf('from_number'),
      to: numberOf('to_number'),
      extra_headers,
      mediaFormat: start.mediaFormat,
    });
  },

  serializer(call) {
    const { encoding, sampleRate } = objectIn(call, 'mediaFormat');
    return new PlivoSerializer(
      call.stream_id ?? '',
      encoding === 'audio/x-l16' && (sampleRate === 8_000 || sampleRate === 16_000)
        ? `audio/x-l16;rate=${sampleRate}`
        : 'audio/x-mulaw;rate=8000',
    );
  },

  /** https://www.plivo.com/docs/voice/api/call: "Make a call", "Transfer calls", "Hang up calls", "Cancel a call request". */
  callApi({ authId, authToken, apiUrl = 'https://api.plivo.com/v1' }) {
    const callPath = (callId: string) => `/Account/${authId}/Call/${encodeURIComponent(callId)}/`;
    return {
      baseUrl: apiUrl,
      authorization: basicAuth(authId, authToken),
      secret: authToken,
      endCall: (callId) => ({ method: 'DELETE', path: callPath(callId) }),
      isOver: (status) => status === 404,
      // Plivo takes the URL of a document instead of XML.
      transferCall: ({ callId, target, callerId, urlOf }) => ({
        method: 'POST',
        path: callPath(callId),
        body: { legs: 'aleg', aleg_url: urlOf(dial(target, callerId)), aleg_method: 'POST' },
      }),
      placeCall: ({ to, from, xml, urlOf, ringTimeoutSeconds, extra }) => ({
        method: 'POST',
        path: `/Account/${authId}/Call/`,
        body: {
          ...extra,
          to: plivoAddress(to),
          from: plivoAddress(from),
          answer_url: urlOf(xml),
          answer_method: 'POST',
          ring_timeout: ringTimeoutSeconds,
        },
      }),
      placedCallId: (answer) => textIn(objectOf(answer), 'request_uuid'),
      cancelCall: (requestId) => ({
        method: 'DELETE',
        path: `/Account/${authId}/Request/${encodeURIComponent(requestId)}/`,
      }),
    };
  },
};

/** Removes the `+` of a number, as Plivo writes it. */
const withoutPlus = (number: string): string => number.replace(/^\+/, '');

const plivoAddress = ({ address }: ApiCall['to']): string => withoutPlus(address);

const dial = (target: ApiCall['to'], callerId: string | undefined): string =>
  dialXml(
    target.kind === 'number' ? 'Number' : 'User',
    plivoAddress(target),
    callerId && withoutPlus(callerId),
  );
