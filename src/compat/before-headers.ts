import type { ServerResponse } from 'node:http';

type Value = number | string | string[];

/**
 * Calls back when the headers of a response are complete and about to be sent, wherever they were set.
 * @param change reads and sets headers on the response
 */
export function beforeHeaders(response: ServerResponse, change: () => void): void {
  const writeHead = response.writeHead.bind(response) as (
    status: number,
    reason?: string,
  ) => unknown;
  const patched = (status: number, ...rest: unknown[]): unknown => {
    Object.assign(response, { writeHead });
    // Fastify passes all headers here instead of setting them on the response.
    for (const [name, value] of entriesOf(rest.at(-1))) response.setHeader(name, value);
    change();
    const [reason] = rest;
    return writeHead(status, ...(typeof reason === 'string' ? [reason] : []));
  };
  Object.assign(response, { writeHead: patched });
}

/** Returns headers as `writeHead` accepts them: an object, or a flat list of names and values. */
function entriesOf(headers: unknown): [string, Value][] {
  if (typeof headers !== 'object' || headers === null) return [];
  const entries = Array.isArray(headers) ? inPairs(headers.flat()) : Object.entries(headers);
  return entries.filter((entry): entry is [string, Value] => entry[1] !== undefined);
}

const inPairs = (list: unknown[]): [string, unknown][] =>
  list.flatMap((name, i): [string, unknown][] =>
    i % 2 === 0 ? [[String(name), list[i + 1]]] : [],
  );
