import type { CallTarget } from '../../../calls/call-target.js';
import type { RefusalXml, WebhookAnswerInput } from './carrier.js';

/** Escapes text for an XML element or a quoted attribute. Characters that XML 1.0 forbids are left out. */
export function escapeXml(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex -- exactly the ones that XML 1.0 forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
      .replace(/[&<>"']/g, (char) => ENTITIES[char]!)
  );
}

/** Spoken refusal at capacity. */
export const BUSY = 'All lines are busy. Please call again in a few minutes.';

/** Media type of the documents. */
export const XML = 'application/xml; charset=utf-8';

/** Returns an XML document with its declaration. */
export const xmlDocument = (root: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n${root}\n`;

/** Refusal at capacity for Twilio and compatible carriers. */
export const BUSY_XML = `<Response><Say>${BUSY}</Say><Hangup/></Response>`;
/** Ends a call for Twilio and compatible carriers. */
export const HANG_UP_XML = '<Response><Hangup/></Response>';
export const REFUSAL_XML: RefusalXml = {
  busy: '<Response><Reject reason="busy"/></Response>',
  rejected: '<Response><Reject/></Response>',
  say: (text) => `<Response><Say>${escapeXml(text)}</Say><Hangup/></Response>`,
};

/** Builds `<Dial>`, which transfers a call. @param noun the element of the target */
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

/** Builds the target of `<Dial>` for Twilio and compatible carriers. */
export const dialTarget = ({ kind, address }: CallTarget, callerId: string | undefined): string =>
  dialXml(kind === 'number' ? 'Number' : 'Sip', address, callerId);

/**
 * Builds `<Connect><Stream>`, which connects a call to a WebSocket, for Twilio and compatible carriers, and the `<Redirect>` that is followed when the
 * server has closed it.
 */
export function connectStream(
  { wsUrl, customParameters, resumeUrl }: WebhookAnswerInput,
  attributes = '',
): string {
  const parameters = Object.entries(customParameters)
    .map(
      ([name, value]) =>
        `<Parameter name="${escapeXml(name)}" value="${escapeXml(value)}"></Parameter>`,
    )
    .join('');
  const redirect =
    resumeUrl === undefined ? '' : `<Redirect method="POST">${escapeXml(resumeUrl)}</Redirect>`;
  return xmlDocument(
    `<Response><Connect><Stream url="${escapeXml(wsUrl)}"${attributes}>${parameters}</Stream></Connect>${redirect}</Response>`,
  );
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
