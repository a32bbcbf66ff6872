import { CallData } from '../../../bot/call-data.js';
import { objectIn, textIn } from '../../../media/serializers/carrier-message.js';
import { PlivoSerializer } from '../../../media/serializers/plivo.serializer.js';
import { basicAuth, type Carrier } from './carrier.js';
import { verifyPlivo } from './plivo-signature.js';
import { BUSY, escapeXml, xmlAnswer } from './xml.js';

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

  busyXml: `<Response><Speak>${BUSY}</Speak><Hangup/></Response>`,

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

  /** https://www.plivo.com/docs/voice/api/call/hangup-calls */
  callApi({ plivo: account }) {
    if (!account) return undefined;
    const { authId, authToken, apiUrl = 'https://api.plivo.com/v1' } = account;
    return {
      baseUrl: apiUrl,
      authorization: basicAuth(authId, authToken),
      secret: authToken,
      endCall: (callId) => ({
        method: 'DELETE',
        path: `/Account/${authId}/Call/${encodeURIComponent(callId)}/`,
      }),
      isOver: (status) => status === 404,
    };
  },
};

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
