import type { IncomingHttpHeaders } from 'node:http';

/** A webhook as it arrived, for its signature. */
export interface ReceivedWebhook {
  readonly headers: IncomingHttpHeaders;
  /** Everything the carrier may have called its URL, the likeliest first. */
  readonly urls: readonly string[];
  readonly body: Buffer;
}

/**
 * Proves that a webhook is its carrier's own.
 * @param keys any of which it may be signed with
 * @throws {RunnerError} `UNAUTHORIZED`
 */
export type VerifyWebhook = (webhook: ReceivedWebhook, keys: readonly string[]) => void;

/** The form fields of a text, each name once with all its values, in the order of the names. */
export function sortedFields(form: string): [name: string, values: string[]][] {
  const fields = new URLSearchParams(form);
  return [...new Set(fields.keys())].sort().map((name) => [name, fields.getAll(name).sort()]);
}

/** Splits a URL at its query. */
export function splitQuery(url: string): [beforeQuery: string, query: string] {
  const [beforeQuery, ...query] = url.split('?');
  return [beforeQuery!, query.join('?')];
}
