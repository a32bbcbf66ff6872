import type { CallTarget } from '../../../calls/call-target.js';
import type { RefusalXml, WebhookAnswerInput } from './carrier.js';

/** Escapes text for an XML element or a quoted attribute. Characters that XML cannot hold at all are left out. */
export function escapeXml(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex -- exactly the ones that XML 1.0 forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
      .replace(/[&<>"']/g, (char) => ENTITIES[char]!)
  );
}

/** What a caller is told when no call can be taken. */
export const BUSY = 'All lines are busy. Please call again in a few minutes.';

/** The media type of a document. */
export const XML = 'application/xml; charset=utf-8';

/** An XML document, with its declaration. */
export const xmlDocument = (root: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n${root}\n`;

/** The documents with which Twilio and those compatible with it turn a caller away. */
export const BUSY_XML = `<Response><Say>${BUSY}</Say><Hangup/></Response>`;
export const REFUSAL_XML: RefusalXml = {
  busy: '<Response><Reject reason="busy"/></Response>',
  rejected: '<Response><Reject/></Response>',
  say: (text) => `<Response><Say>${escapeXml(text)}</Say><Hangup/></Response>`,
};

/** `<Dial>`, which puts a call through. @param noun how a target is written */
export function dialXml(
  noun: 'Number' | 'Sip' | 'User',
  address: string,
  callerId: string | undefined,
): string {
  const attribute = callerId === undefined ? '' : ` callerId="${escapeXml(callerId)}"`;
  return xmlDocument(
    `<Response><Dial${attribute}><${noun}>${escapeXml(address)}</${noun}></Dial></Response>`,
  );
}

/** The same in the words of Twilio and those compatible with it. */
export const dialTarget = ({ kind, address }: CallTarget, callerId: string | undefined): string =>
  dialXml(kind === 'number' ? 'Number' : 'Sip', address, callerId);

/** `<Connect><Stream>`, the way Twilio and those compatible with it connect a call to a WebSocket. */
export function connectStream(
  { wsUrl, customParameters }: WebhookAnswerInput,
  attributes = '',
): string {
  const parameters = Object.entries(customParameters)
    .map(
      ([name, value]) =>
        `<Parameter name="${escapeXml(name)}" value="${escapeXml(value)}"></Parameter>`,
    )
    .join('');
  return xmlDocument(
    `<Response><Connect><Stream url="${escapeXml(wsUrl)}"${attributes}>${parameters}</Stream></Connect></Response>`,
  );
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
