import { CallData } from '../../../bot/call-data.js';
import { type Carrier, mediaPayload, objectIn, textIn } from './carrier.js';
import { escapeXml, xmlAnswer } from './xml.js';

/** Plivo, bidirectional `<Stream>`: https://docs.plivo.com/docs/voice/xml/audiostream. */
export const plivo: Carrier = {
  name: 'plivo',
  answersPings: true,

  webhookAnswer: ({ wsUrl, customParameters }) =>
    xmlAnswer(
      '<Response><Stream bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000"' +
        `${extraHeaders(customParameters)}>${escapeXml(wsUrl)}</Stream></Response>`,
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
    });
  },

  media: {
    encoding: 'audio/x-mulaw',
    sampleRateHz: 8_000,
    read: mediaPayload,
    // Plivo's page has no streamId here; Pipecat's own serializer sends it.
    write: (streamId, payload) => ({
      event: 'playAudio',
      streamId,
      media: { contentType: 'audio/x-mulaw', sampleRate: 8_000, payload },
    }),
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
