import { createHash, createHmac } from 'node:crypto';
import { isSignature, refusedWebhook, signatureHeaders } from '../../../http/webhook-signature.js';
import {
  type ReceivedWebhook,
  sortedFields,
  splitQuery,
  type VerifyWebhook,
} from './received-webhook.js';

/**
 * `X-Twilio-Signature`: base64 of HMAC-SHA1 over the URL and the form fields, with the auth token. A body that is no form is covered by its
 * SHA-256 in the URL. https://www.twilio.com/docs/usage/security#validating-requests
 */
export const verifyTwilio: VerifyWebhook = (webhook, keys) => {
  const [signature] = signatureHeaders(webhook.headers, 'x-twilio-signature');
  const given = Buffer.from(signature, 'base64');
  const covered = coveredBody(webhook);
  const isGenuine = webhook.urls.some((url) =>
    keys.some((key) =>
      isSignature(
        given,
        createHmac('sha1', key)
          .update(url + covered)
          .digest(),
      ),
    ),
  );
  if (!isGenuine) {
    const [url] = splitQuery(webhook.urls[0]!);
    throw refusedWebhook(`x-twilio-signature does not match the body and the URL ${url}`);
  }
};

/** What the signature says of the body beside the URL. */
function coveredBody({ urls, body }: ReceivedWebhook): string {
  const hash = new URLSearchParams(splitQuery(urls[0]!)[1]).get('bodySHA256');
  if (hash === null) {
    return sortedFields(body.toString('utf8'))
      .flatMap(([name, values]) => [...new Set(values)].map((value) => name + value))
      .join('');
  }
  if (!isSignature(Buffer.from(hash, 'hex'), createHash('sha256').update(body).digest())) {
    throw refusedWebhook('bodySHA256 does not match the body');
  }
  return '';
}
