import { CallData } from '../../../../bot/call-data.js';
import type { CallTarget } from '../../../../calls/call-target.js';
import { objectIn, textIn } from '../../../../media/serializers/json-message.js';
import { basicAuth, objectOf } from '../call-api.js';
import type { Carrier } from '../carrier.js';
import { BUSY, dialXml, escapeXml, xmlDocument } from '../xml.js';
import { extraHeaders, parametersIn, plain } from './plivo-extra-headers.js';
import { plivoDialect } from './plivo.dialect.js';
import { PlivoSerializer } from './plivo.serializer.js';
import { verifyPlivo } from './plivo.signature.js';

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
    signature: { verify: verifyPlivo, env: 'PLIVO_AUTH_TOKEN', accountField: 'authToken' },
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
    const extra_headers = message.extra_headers ?? start.extra_headers;
    const body = parametersIn(extra_headers);
    return new CallData({
      stream_id,
      call_id,
      body,
      from: textIn(body, plain('from_number')),
      to: textIn(body, plain('to_number')),
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

const plivoAddress = ({ address }: CallTarget): string => withoutPlus(address);

const dial = (target: CallTarget, callerId: string | undefined): string =>
  dialXml(
    target.kind === 'number' ? 'Number' : 'User',
    plivoAddress(target),
    callerId && withoutPlus(callerId),
  );
