import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { RunnerError } from '../../errors/runner.error.js';

/** How old a signature may be, or how far in the future. */
const TOLERANCE_MS = 300_000;
/** Daily was seen to send milliseconds where its guide has seconds; a later time in seconds is the year 2286. */
const FIRST_MILLISECONDS = 10_000_000_000;

/**
 * Checks `x-pinless-signature`: base64 of HMAC-SHA256 over `<x-pinless-timestamp>.<body>`, with the base64-decoded secret.
 *
 * @param body the bytes as they arrived
 * @throws {RunnerError} `UNAUTHORIZED`
 */
export function verifyDialinSignature(
  headers: IncomingHttpHeaders,
  body: Buffer,
  secret: string,
): void {
  const signature = headers['x-pinless-signature'];
  const timestamp = headers['x-pinless-timestamp'];
  if (typeof signature !== 'string' || typeof timestamp !== 'string') {
    throw refused('x-pinless-signature and x-pinless-timestamp are required');
  }
  const expected = createHmac('sha256', Buffer.from(secret, 'base64'))
    .update(`${timestamp}.`)
    .update(body)
    .digest();
  const given = Buffer.from(signature, 'base64');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw refused('x-pinless-signature does not match the body');
  }
  const time = Number(timestamp);
  const timeMs = time < FIRST_MILLISECONDS ? time * 1_000 : time;
  if (!(Math.abs(Date.now() - timeMs) <= TOLERANCE_MS)) {
    throw refused('x-pinless-timestamp is not of the last five minutes');
  }
}

const refused = (message: string) => new RunnerError('UNAUTHORIZED', `${message}.`);
