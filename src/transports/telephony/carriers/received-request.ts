import type { IncomingHttpHeaders } from 'node:http';
import { parseForm } from '../../../http/form.js';

/** A webhook, or the upgrade of a connection, as it arrived: for its signature. */
export interface ReceivedRequest {
  readonly headers: IncomingHttpHeaders;
  /** Everything the carrier may have called its URL, the likeliest first. */
  readonly urls: readonly string[];
  readonly body: Buffer;
}

/**
 * Proves that a webhook is its carrier's own.
 * @param keys any of which it may be signed with
 * @throws {RunnerError} `UNAUTHORIZED`, or `TOO_LARGE` for a form of too many fields
 */
export type VerifyWebhook = (webhook: ReceivedRequest, keys: readonly string[]) => void;

/**
 * The form fields of a text, each name once with all its values, in the order of the names.
 * @throws {RunnerError} `TOO_LARGE` when there are too many
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
