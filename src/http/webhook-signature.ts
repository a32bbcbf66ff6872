import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { RunnerError } from '../errors/runner.error.js';

/** The greatest age of a webhook with a time stamp, and the farthest in the future, in milliseconds. */
const TOLERANCE_MS = 300_000;

/**
 * The headers that a signature consists of.
 * @param names in lower case
 * @throws {RunnerError} `UNAUTHORIZED` unless all are there
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

/**
 * The bytes of a signature in base64; `undefined` when there are not so many, whatever the signed text is: that costs nothing, and hashing
 * a large body does.
 */
export function decodeSignature(text: string, bytes: number): Buffer | undefined {
  if (text.length > 4 * Math.ceil(bytes / 3)) return undefined;
  const signature = Buffer.from(text, 'base64');
  return signature.length === bytes ? signature : undefined;
}

/** True if a signature is the one expected; how long it takes does not tell how much of it was right. */
export const isSignature = (given: Buffer, expected: Buffer): boolean =>
  given.length === expected.length && timingSafeEqual(given, expected);

/**
 * Refuses what is delivered so late that it may be a recording.
 * @param header where the time was
 * @throws {RunnerError} `UNAUTHORIZED`
 */
export function refuseReplay(header: string, sentAtMs: number): void {
  if (!(Math.abs(Date.now() - sentAtMs) <= TOLERANCE_MS)) {
    throw refusedWebhook(`${header} is not of the last five minutes`);
  }
}

/** The answer to a webhook that is not, or not provably, its sender's. */
export const refusedWebhook = (why: string): RunnerError =>
  new RunnerError('UNAUTHORIZED', `${why}.`);
