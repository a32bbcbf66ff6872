import { createHash, createHmac } from 'node:crypto';
import {
  isSignature,
  refusedWebhook,
  signatureHeaders,
} from '../../../../http/webhook-signature.js';
import {
  type ReceivedRequest,
  sortedFields,
  splitQuery,
  type VerifyWebhook,
  verifyUrlSignature,
} from '../received-request.js';

/** The length of an HMAC-SHA1, in bytes. */
const SIGNATURE_BYTES = 20;

/**
 * Verifies `X-Twilio-Signature`: base64 of HMAC-SHA1 over the URL and the form fields, keyed with the auth token. Other bodies are covered by
 * their SHA-256 in the URL. https://www.twilio.com/docs/usage/security#validating-requests
 */
export const verifyTwilio: VerifyWebhook = (webhook, keys) => {
  const header = 'x-twilio-signature';
  let covered: Buffer | undefined;
  const expected = (url: string, key: string): Buffer => {
    covered ??= coveredBody(webhook);
    return createHmac('sha1', key).update(url).update(covered).digest();
  };
  const given = signatureHeaders(webhook.headers, header);
  verifyUrlSignature({ header, given, bytes: SIGNATURE_BYTES, expected }, webhook.urls, keys);
};

/** Returns the signed part of the body beside the URL. */
function coveredBody({ urls, body }: ReceivedRequest): Buffer {
  const hash = new URLSearchParams(splitQuery(urls[0]!)[1]).get('bodySHA256');
  if (hash === null) {
    const fields = sortedFields(body.toString('utf8'));
    return Buffer.from(
      fields
        .flatMap(([name, values]) => [...new Set(values)].map((value) => name + value))
        .join(''),
    );
  }
  if (!isSignature(Buffer.from(hash, 'hex'), createHash('sha256').update(body).digest())) {
    throw refusedWebhook('bodySHA256 does not match the body');
  }
  return Buffer.alloc(0);
}
