import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { hopByHop } from '../hop-by-hop.js';
import { isFleetHeader } from './hops.js';

/** Headers that go on whatever the client says of its connection. HTTP/1.0 needs no `Host`, and HTTP/1.1 does. */
const OWN = new Set(['host', 'x-forwarded-for']);

/** Headers as Node sends them: names in turn with values. */
export type RawHeaders = string[];

/**
 * Returns the headers with which a request goes on to another node: those of the client, and whose they are in `X-Forwarded-For`. `Host` stays, since
 * signatures and URLs depend on it. What this node says comes first, since Node drops headers past the thousandth.
 */
export function forwardedHeaders(request: IncomingMessage): RawHeaders {
  const { headers, rawHeaders } = request;
  const { host = headers[':authority'] ?? '' } = headers;
  const kept = endToEnd(rawHeaders).filter(([name]) => !OWN.has(name));
  return ['host', String(host), ...[...clientHeaders(request), ...kept].flat()];
}

/** Returns the headers that tell whose a request is, and how it came. */
export function clientHeaders({ headers, socket }: IncomingMessage): [string, string][] {
  const before = headers['x-forwarded-for'];
  const chain = [before, socket.remoteAddress].flat().filter(Boolean).join(', ');
  const isSecure = socket instanceof TLSSocket && headers['x-forwarded-proto'] === undefined;
  return [
    ...(chain ? [['x-forwarded-for', chain] satisfies [string, string]] : []),
    ...(isSecure ? [['x-forwarded-proto', 'https'] satisfies [string, string]] : []),
  ];
}

/** Returns the headers that are for the other end, by their lower-case names. */
export function endToEnd(raw: readonly string[]): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  const connection = pairs.flatMap(([name, value]) => (name === 'connection' ? [value] : []));
  const isHopByHop = hopByHop(connection.join());
  return pairs.filter(
    ([name]) => !isHopByHop(name) && !name.startsWith(':') && !isFleetHeader(name),
  );
}
