import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isSignature, refusedWebhook, signatureHeaders } from '../../http/webhook-signature.js';

/**
 * Checks `X-Hub-Signature-256` of Meta's webhooks: `sha256=` and the hex of HMAC-SHA256 over the body, with the app's secret. There is no
 * time in it, so a recording cannot be told from the original.
 * https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications
 *
 * @param body the bytes as they arrived
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
