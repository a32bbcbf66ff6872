import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import {
  decodeSignature,
  isSignature,
  refusedWebhook,
  refuseReplay,
  signatureHeaders,
} from '../../http/webhook-signature.js';

/** The length of an HMAC-SHA256, in bytes. */
const SIGNATURE_BYTES = 32;
/** Smallest timestamp read as milliseconds: Daily sends milliseconds where its guide has seconds. In seconds it is the year 2286. */
const FIRST_MILLISECONDS = 10_000_000_000;

/**
 * Verifies `x-pinless-signature`: base64 of HMAC-SHA256 over `<x-pinless-timestamp>.<body>`, keyed with the base64-decoded secret.
 *
 * @param body the raw body
 * @throws {RunnerError} `UNAUTHORIZED`
 */
export function verifyDialinSignature(
  headers: IncomingHttpHeaders,
  body: Buffer,
  secret: string,
): void {
  const [signature, timestamp] = signatureHeaders(
    headers,
    'x-pinless-signature',
    'x-pinless-timestamp',
  );
  const time = Number(timestamp);
  refuseReplay('x-pinless-timestamp', time < FIRST_MILLISECONDS ? time * 1_000 : time);
  const given = decodeSignature(signature, SIGNATURE_BYTES);
  const hmac = createHmac('sha256', Buffer.from(secret, 'base64'));
  if (!given || !isSignature(given, hmac.update(`${timestamp}.`).update(body).digest())) {
    throw refusedWebhook('x-pinless-signature does not match the body');
  }
}
