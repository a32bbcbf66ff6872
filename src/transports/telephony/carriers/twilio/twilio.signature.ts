import { createHash, createHmac } from 'node:crypto';
import {
  decodeSignature,
  isSignature,
  refusedWebhook,
  signatureHeaders,
} from '../../../../http/webhook-signature.js';
import {
  type ReceivedRequest,
  sortedFields,
  splitQuery,
  type VerifyWebhook,
} from '../received-request.js';

/** The length of an HMAC-SHA1, in bytes. */
const SIGNATURE_BYTES = 20;

/**
 * Verifies `X-Twilio-Signature`: base64 of HMAC-SHA1 over the URL and the form fields, keyed with the auth token. Other bodies are covered by
 * their SHA-256 in the URL. https://www.twilio.com/docs/usage/security#validating-requests
 */
export const verifyTwilio: VerifyWebhook = (webhook, keys) => {
  const [signature] = signatureHeaders(webhook.headers, 'x-twilio-signature');
  const given = decodeSignature(signature, SIGNATURE_BYTES);
  if (!given || !isGenuine(given, webhook, keys)) {
    const [url] = splitQuery(webhook.urls[0]!);
    throw refusedWebhook(`x-twilio-signature does not match the body and the URL ${url}`);
  }
};

function isGenuine(given: Buffer, webhook: ReceivedRequest, keys: readonly string[]): boolean {
  const covered = coveredBody(webhook);
  return webhook.urls.some((url) =>
    keys.some((key) =>
      isSignature(given, createHmac('sha1', key).update(url).update(covered).digest()),
    ),
  );
}

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
