import type { IncomingHttpHeaders } from 'node:http';
import { parseForm } from '../../../http/form.js';

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

/** Splits a URL at its query. */
export function splitQuery(url: string): [beforeQuery: string, query: string] {
  const [beforeQuery, ...query] = url.split('?');
  return [beforeQuery!, query.join('?')];
}
