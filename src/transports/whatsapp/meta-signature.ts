import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isSignature, refusedWebhook, signatureHeaders } from '../../http/webhook-signature.js';

/**
 * Verifies `X-Hub-Signature-256` of Meta's webhooks: `sha256=` and the hex of HMAC-SHA256 over the body, keyed with the app secret. It has no
 * timestamp, so it does not prevent replay.
 * https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications
 *
 * @param body the raw body
 * @throws {RunnerError} `UNAUTHORIZED`
 */
export function verifyMetaSignature(
  headers: IncomingHttpHeaders,
  body: Buffer,
  appSecret: string,
): void {
  const [signature] = signatureHeaders(headers, 'x-hub-signature-256');
  const [, hex] = /^sha256=([0-9a-f]{64})$/i.exec(signature) ?? [];
  const hmac = createHmac('sha256', appSecret);
  if (!hex || !isSignature(Buffer.from(hex, 'hex'), hmac.update(body).digest())) {
    throw refusedWebhook('x-hub-signature-256 does not match the body');
  }
}
