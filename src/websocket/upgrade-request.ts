import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { isBearer, partsOf } from '../auth/runner-auth.js';

/** Upgrade request of a peer's WebSocket, without keys and tokens of the runner. */
export interface UpgradeRequest {
  /** Path, such as `/ws`. */
  readonly path: string;
  /** Query string without its question mark, for `URLSearchParams`. */
  readonly query: string;
  /** Headers by lower-case name, as Node has them; without an `Authorization` that is a key or token of the runner. */
  readonly headers: IncomingHttpHeaders;
  /** True for TLS on the connection itself; a proxy in front of the runner says it in `x-forwarded-proto`. */
  readonly isSecure: boolean;
  /** Address and port of the peer, or of the proxy in front of the runner. */
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

/** Form of a runner's token: a base64url payload and a signature in hexadecimal. */
const TOKEN = /^[\w-]+\.[0-9a-f]{64}$/;

/**
 * Returns the upgrade request for the bot. Bots are given no keys and tokens, since one could claim or start another session.
 * @param isCredential returns true for an `Authorization` that may be a key of the runner
 */
export function upgradeOf(
  request: IncomingMessage,
  pathname: string,
  isCredential: (authorization: string) => boolean = isBearer,
): UpgradeRequest {
  const { headers, socket, url = '' } = request;
  const { authorization = '', ...others } = headers;
  const isKey =
    partsOf(authorization).some((part) => TOKEN.test(part)) || isCredential(authorization);
  const [path, token = ''] = splitLast(pathname);
  return {
    path: TOKEN.test(decodeSegment(token)) ? path : pathname,
    query: withoutTokens(url.slice(pathname.length)),
    headers: isKey ? others : headers,
    isSecure: socket instanceof TLSSocket,
    remoteAddress: socket.remoteAddress,
    remotePort: socket.remotePort,
  };
}

function splitLast(pathname: string): [path: string, segment?: string] {
  const [, path = pathname, segment] = /^(.*)\/([^/]+)\/?$/.exec(pathname) ?? [];
  return [path, segment];
}

/** Removes tokens as `URLSearchParams` reads them; the rest stays as it was sent. */
function withoutTokens(search: string): string {
  const isToken = (pair: string): boolean =>
    TOKEN.test(new URLSearchParams(pair).get('token') ?? '');
  const pairs = search.replace(/#.*$/, '').slice(1).split('&');
  return pairs.filter((pair) => !isToken(pair)).join('&');
}

/** Decodes a path segment; a malformed one is left as it is. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
