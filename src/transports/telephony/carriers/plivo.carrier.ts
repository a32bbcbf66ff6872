import { CallData } from '../../../bot/call-data.js';
import type { CallTarget } from '../../../calls/call-target.js';
import { objectIn, textIn } from '../../../media/serializers/carrier-message.js';
import { PlivoSerializer } from '../../../media/serializers/plivo.serializer.js';
import { basicAuth, type Carrier, objectOf } from './carrier.js';
import { verifyPlivo } from './plivo-signature.js';
import { BUSY, dialXml, escapeXml, xmlAnswer } from './xml.js';

/** Plivo, bidirectional `<Stream>`: https://docs.plivo.com/docs/voice/xml/audiostream. */
export const plivo: Carrier = {
  name: 'plivo',
  answersPings: true,
  verifyWebhook: verifyPlivo,

  webhookAnswer: ({ wsUrl, customParameters, formats }) =>
    xmlAnswer(
      `<Response><Stream bidirectional="true" keepCallAlive="true" contentType="${formats.plivoContentType}"` +
        `${extraHeaders(customParameters)}>${escapeXml(wsUrl)}</Stream></Response>`,
    ),

  webhookCallId: 'CallUUID',
  busyXml: `<Response><Speak>${BUSY}</Speak><Hangup/></Response>`,
  refusalXml: {
    busy: '<Response><Hangup reason="busy"/></Response>',
    rejected: '<Response><Hangup reason="rejected"/></Response>',
    say: (text) => `<Response><Speak>${escapeXml(text)}</Speak><Hangup/></Response>`,
  },
  transferXml: (target, callerId) =>
    dialXml(
      target.kind === 'number' ? 'Number' : 'User',
      plivoAddress(target),
      callerId && withoutPlus(callerId),
    ),

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
  callApi({ plivo: account }) {
    if (!account) return undefined;
    const { authId, authToken, apiUrl = 'https://api.plivo.com/v1' } = account;
    const callPath = (callId: string) => `/Account/${authId}/Call/${encodeURIComponent(callId)}/`;
    return {
      baseUrl: apiUrl,
      authorization: basicAuth(authId, authToken),
      secret: authToken,
      endCall: (callId) => ({ method: 'DELETE', path: callPath(callId) }),
      isOver: (status) => status === 404,
      // It takes no XML, only where to get it.
      transferCall: ({ callId, xmlUrl }) => ({
        method: 'POST',
        path: callPath(callId),
        body: { legs: 'aleg', aleg_url: xmlUrl(), aleg_method: 'POST' },
      }),
      placeCall: ({ to, from, xmlUrl, ringTimeoutSeconds, extra }) => ({
        method: 'POST',
        path: `/Account/${authId}/Call/`,
        body: {
          ...extra,
          to: plivoAddress(to),
          from: plivoAddress(from),
          answer_url: xmlUrl(),
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

/** Plivo writes numbers without their `+`. */
const withoutPlus = (number: string): string => number.replace(/^\+/, '');

const plivoAddress = ({ address }: CallTarget): string => withoutPlus(address);

/** How much Plivo takes, in bytes. */
const MAX_EXTRA_HEADERS = 512;

/** Plivo takes only letters and digits. */
const plain = (name: string): string => name.replace(/[^A-Za-z0-9]/g, '');

/**
 * Parameters as the attribute that Plivo hands back. Names lose what it does not take, so `from_number` goes as
 * `fromnumber`, and numbers their `+`; values with other characters, and what does not fit any more, are left out.
 */
function extraHeaders(parameters: Readonly<Record<string, string>>): string {
  let headers = '';
  for (const [name, text] of Object.entries(parameters)) {
    const value = text.replace(/^\+(?=\d+$)/, '');
    if (!plain(name) || !/^[A-Za-z0-9]+$/.test(value)) continue;
    const longer = `${headers && `${headers},`}${plain(name)}=${value}`;
    if (longer.length <= MAX_EXTRA_HEADERS) headers = longer;
  }
  return headers && ` extraHeaders="${headers}"`;
}

/** `a=1,b=2` is what Plivo's XML reference shows, `a=1;b=2` its description of the stream. */
function parametersIn(extraHeaders: unknown): Record<string, string> {
  if (typeof extraHeaders !== 'string') return {};
  return Object.fromEntries(
    extraHeaders.split(/[,;]/).flatMap((pair) => {
      const [name, value] = pair.split('=', 2).map((part) => part.trim());
      return name && value && name !== '__proto__' ? [[name, value] as const] : [];
    }),
  );
}
