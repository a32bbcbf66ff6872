import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { RunnerError } from '../errors/runner.error.js';

/** Largest age of a webhook's timestamp, and largest distance in the future, in milliseconds (replay protection). */
const TOLERANCE_MS = 300_000;

/**
 * Returns the headers of a signature.
 * @param names header names in lower case
 * @throws {RunnerError} `UNAUTHORIZED` unless all are present
 */
export function signatureHeaders<const N extends readonly string[]>(
  headers: IncomingHttpHeaders,
  ...names: N
): { [I in keyof N]: string } {
  const values = names.map((name) => headers[name]);
  if (values.every((value) => typeof value === 'string' && value !== '')) {
    return values as { [I in keyof N]: string };
  }
  throw refusedWebhook(`${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} required`);
}

/** Decodes a base64 signature; `undefined` for another length. Checked before the body is hashed, which is expensive. */
export function decodeSignature(text: string, bytes: number): Buffer | undefined {
  if (text.length > 4 * Math.ceil(bytes / 3)) return undefined;
  const signature = Buffer.from(text, 'base64');
  return signature.length === bytes ? signature : undefined;
}

/** Compares signatures in constant time. */
export const isSignature = (given: Buffer, expected: Buffer): boolean =>
  given.length === expected.length && timingSafeEqual(given, expected);

/**
 * Refuses a webhook outside the time tolerance (replay protection).
 * @param header name of the timestamp's header
 * @throws {RunnerError} `UNAUTHORIZED`
 */
export function refuseReplay(header: string, sentAtMs: number): void {
  if (!(Math.abs(Date.now() - sentAtMs) <= TOLERANCE_MS)) {
    throw refusedWebhook(`${header} is not of the last five minutes`);
  }
}

/** Error for a webhook with an invalid signature. */
export const refusedWebhook = (why: string): RunnerError =>
  new RunnerError('UNAUTHORIZED', `${why}.`);
