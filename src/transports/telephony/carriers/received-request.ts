import type { IncomingHttpHeaders } from 'node:http';
import { parseForm } from '../../../http/form.js';
import { printable } from '../../../validation/printable.js';
import { decodeSignature, isSignature, refusedWebhook } from '../../../http/webhook-signature.js';

/** A webhook or WebSocket upgrade as received, for verifying its signature. */
export interface ReceivedRequest {
  readonly headers: IncomingHttpHeaders;
  /** Candidates for the public URL that the carrier has signed, the likeliest first. */
  readonly urls: readonly string[];
  readonly body: Buffer;
}

/**
 * Verifies the signature of a webhook.
 * @param keys accepted keys
 * @throws {RunnerError} `UNAUTHORIZED`, or `TOO_LARGE` for a form with too many fields
 */
export type VerifyWebhook = (webhook: ReceivedRequest, keys: readonly string[]) => void;

/**
 * Parses form fields, sorted by name, each name once with all its values.
 * @throws {RunnerError} `TOO_LARGE` for too many fields
 */
export function sortedFields(form: string): [name: string, values: string[]][] {
  const fields = new Map<string, string[]>();
  for (const [name, value] of parseForm(form)) {
    const values = fields.get(name);
    if (values) values.push(value);
    else fields.set(name, [value]);
  }
  return [...fields.keys()].sort().map((name) => [name, fields.get(name)!.sort()]);
}

/** A signature over the URL of a webhook. */
export interface UrlSignature {
  /** Name of the header, for the error. */
  readonly header: string;
  /** Given signatures, in base64. */
  readonly given: readonly string[];
  /** Length of a signature, in bytes. */
  readonly bytes: number;
  /** Returns the signature that is expected for a URL. */
  readonly expected: (url: string, key: string) => Buffer;
}

/** Verifies that a signature matches one of the URLs and one of the keys. @throws {RunnerError} `UNAUTHORIZED` */
export function verifyUrlSignature(
  { header, given, bytes, expected }: UrlSignature,
  urls: readonly string[],
  keys: readonly string[],
): void {
  const signatures = given.flatMap((text) => decodeSignature(text, bytes) ?? []);
  const isGenuine = (url: string, key: string): boolean => {
    const signature = expected(url, key);
    return signatures.some((one) => isSignature(one, signature));
  };
  if (signatures.length > 0 && urls.some((url) => keys.some((key) => isGenuine(url, key)))) return;
  const [url] = splitQuery(urls[0]!);
  throw refusedWebhook(`${header} does not match the body and the URL ${printable(url, 300)}`);
}

/** Splits a URL at its query. */
export function splitQuery(url: string): [beforeQuery: string, query: string] {
  const [beforeQuery, ...query] = url.split('?');
  return [beforeQuery!, query.join('?')];
}
