import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { isFleetHeader } from './hops.js';

/** Headers of one connection (RFC 9110, 7.6.1), and those that the next one gets of its own. */
const HOP_BY_HOP = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings', 'content-length'],
  // Answered already.
  'expect',
]);

/** Headers as Node sends them: names in turn with values. */
export type RawHeaders = string[];

/**
 * Returns the headers with which a request goes on to another node: those of the client, and whose they are in `X-Forwarded-For`. `Host` stays, since
 * signatures and URLs depend on it.
 */
export function forwardedHeaders(request: IncomingMessage): RawHeaders {
  const { headers, socket, rawHeaders } = request;
  const kept = endToEnd(rawHeaders).filter(([name]) => name !== 'x-forwarded-for');
  const authority = headers[':authority'];
  if (headers.host === undefined && typeof authority === 'string') kept.push(['host', authority]);
  const before = headers['x-forwarded-for'];
  const chain = [before, socket.remoteAddress].flat().filter(Boolean).join(', ');
  if (chain) kept.push(['x-forwarded-for', chain]);
  if (socket instanceof TLSSocket && headers['x-forwarded-proto'] === undefined) {
    kept.push(['x-forwarded-proto', 'https']);
  }
  return kept.flat();
}

/** Returns the headers that are for the other end, by their lower-case names. */
export function endToEnd(raw: readonly string[]): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  const named = new Set(
    pairs.flatMap(([name, value]) =>
      name === 'connection' ? value.split(',').map((one) => one.trim().toLowerCase()) : [],
    ),
  );
  return pairs.filter(
    ([name]) =>
      !HOP_BY_HOP.has(name) && !named.has(name) && !name.startsWith(':') && !isFleetHeader(name),
  );
}
